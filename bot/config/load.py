"""Reading the configuration: file, environment over it, secrets beside it; one error with a line per problem."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from pydantic import ValidationError

from bot.config.environment import Override, Surroundings, surroundings
from bot.config.kinds import DATABASE_RULE, is_database
from bot.config.problems import Names, Origins, name_lines, validation_lines
from bot.config.secrets import Secrets, read_secret, secret_names, secrets_in
from bot.config.settings import Settings
from bot.config.tree import leaves
from bot.config.values import text_of
from bot.config.yaml_text import YamlError, read_yaml
from bot.domain.errors import ConfigError

FILE_NAME = "config.yaml"
DEFAULT = "default"

type Tree = dict[str, object]


@dataclass(frozen=True, slots=True)
class ConfigItem:
    """One effective configuration value, secrets masked; `source` is default, the file's name or the environment."""

    key: str
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """The effective configuration, where each value comes from, and the secrets that go with it.

    `hidden` are all texts that must not appear in logs or answers, secrets of other programs among them.
    """

    settings: Settings
    secrets: Secrets
    home: Path
    path: Path | None
    sources: Mapping[str, str]
    secret_sources: Mapping[str, str]
    hidden: tuple[str, ...] = field(default=(), repr=False)

    @property
    def database_url(self) -> str:
        """Where the books are: DATABASE_URL, else storage.url, else a file in the home."""
        fallback = f"sqlite+aiosqlite:///{self.home / 'quarterdeck.db'}"
        return self.secrets.database_url or self.settings.storage.url or fallback

    def items(self) -> tuple[ConfigItem, ...]:
        """Every effective value with its source, secrets masked, in the order of config.yaml."""
        settings = [
            ConfigItem(key, value, self.sources.get(key.partition("[")[0], DEFAULT))
            for key, value in _values(self.settings)
        ]
        return (*settings, *map(self._secret_item, secret_names()))

    def _secret_item(self, name: str) -> ConfigItem:
        given = getattr(self.secrets, name.lower())
        return ConfigItem(
            f"secrets.{name}", "set" if given else "not set", self.secret_sources.get(name, DEFAULT)
        )


def load_config(
    path: Path | None, home: Path, environ: Mapping[str, str], names: Names | None = None
) -> LoadedConfig:
    """The configuration of `path` (None: config.yaml of the home or the working folder, else defaults).

    Raises ConfigError with one line for each problem there is.
    """
    folders = (home, Path.cwd())
    chosen = path or next((found for folder in folders if (found := folder / FILE_NAME).is_file()), None)
    around = surroundings(environ, folders)
    text = _read(chosen) if chosen else "{}"
    return _loaded(text, chosen, home, around, names or Names())


def load_text(text: str, home: Path, environ: Mapping[str, str], names: Names | None = None) -> LoadedConfig:
    """The same for a text in place of a file, for checks before it is written."""
    return _loaded(text, Path(FILE_NAME), home, surroundings(environ, ()), names or Names())


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{path.name}: is no text in UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None


def _loaded(text: str, path: Path | None, home: Path, around: Surroundings, names: Names) -> LoadedConfig:
    file = path.name if path else FILE_NAME
    problems = [f"{file}: {line}" for line in secrets_in(text)]
    tree = _tree(text, file, problems)
    if problems and tree is None:
        raise ConfigError("\n".join(problems))
    from_file = _sources(tree or {}, file)
    overrides = around.overrides()
    merged = _merged(tree or {}, overrides)
    settings = _settings(merged, names, _origins(file, overrides), problems)
    secrets = _secrets(around)
    problems += around.problems
    if problems or settings is None:
        raise ConfigError("\n".join(problems))
    sources = from_file | {".".join(o.path): o.variable.source for o in overrides}
    hidden = tuple(dict.fromkeys([*secrets.values(), *around.hidden()]))
    return LoadedConfig(settings, secrets, home, path, sources, _secret_sources(around), hidden)


def _tree(text: str, file: str, problems: list[str]) -> Tree | None:
    """What the file says as a tree; None when there is nothing to go on with."""
    try:
        reading = read_yaml(text)
    except YamlError as error:
        problems.append(f"{file}: {error}")
        return None
    problems += [f"{file}: {line}" for line in reading.problems]
    if isinstance(reading.value, dict):
        return {str(key): value for key, value in reading.value.items()}
    fault = (
        "is empty; delete it to run on the defaults"
        if reading.value is None
        else "is no list of `key: value` lines"
    )
    problems.append(f"{file}: {fault}")
    return None


def _sources(tree: Tree, file: str) -> dict[str, str]:
    """The file's name for every setting that it holds."""
    held = {}
    for path in leaves():
        value: object = tree
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        if value is not None:
            held[".".join(path)] = file
    return held


def _merged(tree: Tree, overrides: list[Override]) -> Tree:
    """The file's tree with the environment laid over it; what is no section in the file stays to be refused."""
    merged = tree
    for override in overrides:
        merged = _with(merged, override.path, override.value)
    return merged


def _with(tree: Tree, path: tuple[str, ...], value: object) -> Tree:
    head, *rest = path
    if not rest:
        return tree | {head: value}
    inner = tree.get(head)
    if inner is not None and not isinstance(inner, dict):
        return tree
    return tree | {head: _with(inner or {}, tuple(rest), value)}


def _origins(file: str, overrides: list[Override]) -> Origins:
    return Origins(file, {o.path: f"{o.variable.source}: {o.variable.name}" for o in overrides})


def _settings(tree: Tree, names: Names, origins: Origins, problems: list[str]) -> Settings | None:
    settings, seen = None, set()
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        problems += validation_lines(error, origins)
        seen = {tuple(details["loc"]) for details in error.errors()}
    problems += name_lines(tree, names, origins, seen)
    return settings


def _secrets(around: Surroundings) -> Secrets:
    texts = around.texts()
    values = {}
    for item in fields(Secrets):
        name = item.name.upper()
        values[item.name], problem = read_secret(name, texts)
        if name == "DATABASE_URL" and not is_database(values[item.name]):
            problem = f"{name}: is no address of a database; {DATABASE_RULE}"
        if problem:
            source = around.variables.get(name) or around.variables[f"{name}_FILE"]
            around.problems.append(f"{source.source}: {problem}")
    return Secrets(**values)


def _secret_sources(around: Surroundings) -> dict[str, str]:
    found = {}
    for name in secret_names():
        for variable in (around.variables.get(name), around.variables.get(f"{name}_FILE")):
            if variable and variable.value.strip():
                found[name] = variable.source if variable.name == name else f"file named in {variable.source}"
    return found


def _values(settings: Settings) -> Iterator[tuple[str, str]]:
    """Every single value as text; symbols one by one."""
    for path in leaves():
        value: object = settings
        for step in path:
            value = getattr(value, step)
        if path == ("symbols",):
            for symbol in settings.symbols:
                rest = ", ".join(f"{name} {text_of(item)}" for name, item in symbol if name != "symbol")
                yield f"symbols[{symbol.symbol}]", rest
        else:
            yield ".".join(path), text_of(value)
