"""config.yaml and docs/configuration.md, written from the settings: `python -m bot.config.docs` in the checkout."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import wrap

from pydantic.fields import FieldInfo

from bot.config.environment import variable_name
from bot.config.secrets import secret_names
from bot.config.settings import Settings
from bot.config.trading import Symbol
from bot.config.tree import Key, describe, section_of
from bot.config.values import Section, text_of

WIDTH = 110
_SYMBOLS = Settings.model_fields["symbols"]
_PLAIN = re.compile(r"[A-Za-z][\w/ .-]*")

_HEAD = """\
# Quarterdeck's configuration: every key with its default; delete what you do not change.
#
# The desk reads config.yaml of its home (--home), else the one of the folder it is started in. Each key can be set
# from the environment too: QUARTERDECK_LIMITS__MAX_POSITIONS=5. Tokens and passwords never stand here; they come
# from the environment or .env (see .env.example). Numbers of money and ratios are read exactly as written; quotes
# around them are allowed. What is wrong is refused at start, each thing in one line.
# This file is made by `python -m bot.config.docs`; docs/configuration.md says the same as tables.
"""

_ABOUT = """\
# Configuration

Made by `python -m bot.config.docs` from `bot/config/`; a test holds it.

Where a value comes from, the strongest first:

1. the environment: `QUARTERDECK_<SECTION>__<KEY>`, for example `QUARTERDECK_LIMITS__MAX_POSITIONS=5`; lists and maps
   in YAML's short form: `QUARTERDECK_CHAT__USERS='{"telegram:123456789": admin}'`;
2. `.env` in the home, then in the working folder, with the same names;
3. `config.yaml` in the home, else in the working folder (or the file named on the command line);
4. the default.

`/config` shows every value in use and where it comes from.

Numbers of money and ratios are decimals, read exactly from the text; they may be quoted. Whole numbers and `true` or
`false` are not. Everything wrong is refused at start, one line each:

    config.yaml: limits.max_positions: -3 is not allowed; whole number from 1 to 500
    config.yaml: limits.daily_loss_percnt: unknown key; did you mean daily_loss_percent?

"""

_SECRETS = """\
## Secrets

From the environment or `.env`; or from a file that `<NAME>_FILE` names (Docker and Kubernetes secrets). What looks
like a secret in `config.yaml` is refused, in comments too. Secrets are never logged and never shown.

| variable | what |
|---|---|
"""


def config_yaml() -> str:
    """The text of config.yaml: every key with its default, meaning, range and unit."""
    return "\n".join([_HEAD, *_section_lines(Settings, Settings(), "")]) + "\n"


def _section_lines(section: type[Section], values: Section, indent: str) -> Iterator[str]:
    for name, field in section.model_fields.items():
        inner = section_of(field)
        value = getattr(values, name)
        if inner is None:
            yield from _single_lines(name, field, value, indent)
        else:
            yield from ("", *_comment(inner.__doc__ or "", indent), f"{indent}{name}:")
            yield from _section_lines(inner, value, indent + "  ")


def _single_lines(name: str, field: FieldInfo, value: object, indent: str) -> Iterator[str]:
    key = describe(name, field)
    if field is _SYMBOLS:
        yield ""
        yield from _comment(key.meaning, indent)
        for part, declared in Symbol.model_fields.items():
            yield from _comment(f"{part}: {_said(describe(part, declared))}", indent)
    else:
        yield from _comment(_said(key), indent)
    yield f"{indent}{name}:{_yaml(value, indent)}"


def _said(key: Key) -> str:
    facts = (key.allowed, key.unit, "" if key.required else f"default {key.default or 'empty'}")
    return f"{key.meaning} [{'; '.join(fact for fact in facts if fact)}]"


def _comment(text: str, indent: str) -> list[str]:
    return wrap(" ".join(text.split()), WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")


def _yaml(value: object, indent: str) -> str:
    """A value behind its key, as YAML: symbols one to a line, everything else on the same line."""
    match value:
        case (Symbol(), *_):
            lines = (f"{indent}  - {{{_symbol(symbol)}}}" for symbol in value if isinstance(symbol, Symbol))
            return "\n" + "\n".join(lines)
        case str() if not _PLAIN.fullmatch(text_of(value)):
            return f" {json.dumps(text_of(value))}"
        case Mapping() | tuple() | _:
            return f" {text_of(value)}"


def _symbol(symbol: Symbol) -> str:
    return ", ".join(f"{name}: {text_of(value)}" for name, value in symbol)


def config_markdown() -> str:
    """The text of docs/configuration.md."""
    secrets = [f"| `{name}` | {meaning} |" for name, meaning in secret_names().items()]
    tables = "\n".join(_tables(Settings, ()))
    return f"{_ABOUT}{tables}\n{_SECRETS}" + "\n".join(secrets) + "\n"


def _tables(section: type[Section], path: tuple[str, ...]) -> Iterator[str]:
    single = {name: field for name, field in section.model_fields.items() if section_of(field) is None}
    yield f"## {'.'.join(path) or 'Top level'}\n"
    if path:
        yield f"{section.__doc__}\n"
    yield from _table(single, path)
    if section is Settings:
        yield "## Each entry of symbols\n"
        yield from _table(Symbol.model_fields, ("symbols",))
    for name, field in section.model_fields.items():
        if inner := section_of(field):
            yield from _tables(inner, (*path, name))


def _table(fields: Mapping[str, FieldInfo], path: tuple[str, ...]) -> Iterator[str]:
    yield "| key | default | allowed | unit | meaning | variable |"
    yield "|---|---|---|---|---|---|"
    for name, field in fields.items():
        key = describe(name, field)
        variable = f"`{variable_name((*path, name))}`" if path != ("symbols",) else ""
        default = "the eight of config.yaml" if field is _SYMBOLS else _default(key)
        cells = (f"`{name}`", default, key.allowed, key.unit, key.meaning, variable)
        yield f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
    yield ""


def _default(key: Key) -> str:
    if key.required:
        return "required"
    return f"`{key.default}`" if key.default else "empty"


def write(root: Path) -> None:
    """Write both files into a checkout."""
    (root / "config.yaml").write_text(config_yaml(), encoding="utf-8")
    (root / "docs").mkdir(exist_ok=True)
    (root / "docs" / "configuration.md").write_text(config_markdown(), encoding="utf-8")


if __name__ == "__main__":
    write(Path.cwd())
