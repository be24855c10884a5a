"""The manual, generated from the definitions: docs/commands.md and `quarterdeck commands --json`."""

from collections.abc import Iterable, Iterator

from handlers.command import Command, Confirm
from handlers.parameter import Parameter
from handlers.registry import Registry
from handlers.values import written

_HEAD = """# Commands

Generated from the definitions in `handlers/commands/`; a test holds this page to them.

Words in capitals are values, those in [brackets] may be left out. A value may be given by name (`symbol=XRP`), symbols
are understood without their quote and in any case (`xrp`, `XRP/USDT`). *Role* is what a person needs at least;
*asks* says whether the command shows what it would do and waits for a confirmation.
"""
_ASKS = {Confirm.NONE: "", Confirm.BUTTON: "button", Confirm.CODE: "code"}


def commands_json(registry: Registry) -> list[dict[str, object]]:
    """Every command as one object."""
    return [_command_json(command) for command in registry]


def commands_markdown(registry: Registry) -> str:
    """The page docs/commands.md."""
    return "\n".join(_page(registry))


def areas(commands: Iterable[Command]) -> dict[str, list[Command]]:
    """Commands by area, areas and commands in their order."""
    found: dict[str, list[Command]] = {}
    for command in commands:
        found.setdefault(command.area, []).append(command)
    return found


def _page(registry: Registry) -> Iterator[str]:
    yield _HEAD
    for area, commands in areas(registry).items():
        yield f"## {area.capitalize()}\n"
        yield "| command | role | asks | what it does |"
        yield "|---|---|---|---|"
        yield from (_row(command) for command in commands)
        yield ""
        for command in commands:
            yield from _details(command)


def _row(command: Command) -> str:
    also = f" (also {', '.join(f'`/{alias}`' for alias in command.aliases)})" if command.aliases else ""
    cells = (f"`{command.usage}`{also}", command.role.word, _ASKS[command.confirm], command.help)
    return f"| {' | '.join(cell.replace('|', '\\|') for cell in cells)} |"


def _details(command: Command) -> Iterator[str]:
    """What the table has no room for: parameters and the rest of the docstring."""
    if not command.parameters and not command.details:
        return
    yield f"### /{command.name}\n"
    if command.details:
        yield f"{command.details}\n"
    for parameter in command.parameters:
        yield f"- `{parameter.name}`: {_parameter_line(parameter)}"
    if command.unconfirmed:
        yield f"- `{command.unconfirmed}`: acts without asking"
    if command.parameters:
        yield ""


def _parameter_line(parameter: Parameter) -> str:
    parts = [parameter.help, parameter.allowed]
    if not parameter.required:
        parts.append(
            f"default {written(parameter.default)}" if parameter.default not in (None, "") else "optional"
        )
    if parameter.example:
        parts.append(f"for example `{parameter.example}`")
    return "; ".join(part for part in parts if part)


def _command_json(command: Command) -> dict[str, object]:
    return {
        "name": command.name,
        "aliases": list(command.aliases),
        "area": command.area,
        "role": command.role.word,
        "confirmation": command.confirm.value,
        "risk": command.risk.value,
        "help": command.help,
        "usage": command.usage,
        "unconfirmed": command.unconfirmed,
        "parameters": [_parameter_json(parameter) for parameter in command.parameters],
    }


def _parameter_json(parameter: Parameter) -> dict[str, object]:
    return {
        "name": parameter.name,
        "type": parameter.kind.value,
        "required": parameter.required,
        "default": None if parameter.default is None else written(parameter.default),
        "help": parameter.help,
        "choices": list(parameter.choices),
        "low": None if parameter.low is None else written(parameter.low),
        "high": None if parameter.high is None else written(parameter.high),
        "unit": parameter.unit,
        "example": parameter.example,
        "rest": parameter.rest,
    }
