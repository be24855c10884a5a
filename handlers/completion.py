"""What may come next in a half-typed line: for the console's completion and a platform's autocomplete."""

from collections.abc import Iterator
from dataclasses import dataclass

from bot.runtime.desk import Desk
from handlers.command import Command, Role
from handlers.desks import OPTION
from handlers.parameter import Parameter
from handlers.registry import Registry
from handlers.values import offered_values

_MOST_OFFERED = 200


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A text that may replace the last `replaces` characters, and what it is."""

    text: str
    replaces: int
    help: str


def complete(line: str, registry: Registry, role: Role, desk: Desk) -> tuple[Suggestion, ...]:
    """Commands that a role may give while the first word is typed, afterwards values of the parameter reached."""
    words = line.split(" ")
    last = words[-1]
    if len(words) == 1:
        return tuple(_commands(last, registry, role))
    command = registry.find(words[0].removeprefix("/").casefold())
    if command is None or command.role > role:
        return ()
    return tuple(_values(command, len([word for word in words[1:-1] if word]), last, desk))


def complete_value(parameter: Parameter, typed: str, desk: Desk, most: int) -> tuple[str, ...]:
    """Values of one parameter that hold what was typed, those beginning with it first."""
    word = typed.casefold()
    values = [value for value in dict.fromkeys(offered_values(parameter, desk)) if word in value.casefold()]
    values.sort(key=lambda value: not value.casefold().startswith(word))
    return tuple(values[:most])


def _commands(typed: str, registry: Registry, role: Role) -> Iterator[Suggestion]:
    slash = "/" if typed.startswith("/") else ""
    for command in registry.allowed(role):
        for name in (command.name, *command.aliases):
            if f"{slash}{name}".startswith(typed.casefold()):
                yield Suggestion(f"{slash}{name}", len(typed), command.help)


def _values(command: Command, position: int, typed: str, desk: Desk) -> Iterator[Suggestion]:
    """Values of the parameter at a position; an optional one may be left out, so the next ones are offered too."""
    for name in command.accounts if typed else ():
        if f"{OPTION}={name}".casefold().startswith(typed.casefold()):
            yield Suggestion(f"{OPTION}={name}", len(typed), "of this account")
    for parameter in command.parameters[position:]:
        for value in complete_value(parameter, typed, desk, _MOST_OFFERED):
            if value.casefold().startswith(typed.casefold()):
                yield Suggestion(value, len(typed), parameter.help or parameter.name)
        if parameter.required:
            return
    if command.unconfirmed and command.unconfirmed.startswith(typed.casefold()):
        yield Suggestion(command.unconfirmed, len(typed), "without confirmation")
