"""All commands: found by walking handlers/commands/ in name order, refused when a definition is incomplete."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib import import_module
from inspect import iscoroutinefunction
from pkgutil import iter_modules

from bot.domain.errors import ConfigError
from handlers.command import Command, Confirm, Injected, Role
from handlers.text import nearest

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_HELP_LENGTH = 100  # Discord's; Telegram allows more


class Registry(Injected):
    """The commands by name and alias, in the order of their files."""

    __slots__ = ("_by_name", "_commands")

    def __init__(self, commands: Iterable[Command]) -> None:
        """Raises ConfigError that names every incomplete or doubled definition."""
        self._commands = tuple(commands)
        self._by_name: dict[str, Command] = {}
        wrong: list[str] = []
        for command in self._commands:
            wrong += definition_faults(command)
            for name in (command.name, *command.aliases):
                wrong += [f"/{name} is defined twice"] if name in self._by_name else []
                self._by_name[name] = command
        if wrong:
            raise ConfigError("; ".join(wrong))

    def for_accounts(self, names: tuple[str, ...]) -> "Registry":
        """The same commands, each of which may name one of several accounts."""
        return Registry(replace(command, accounts=names) for command in self._commands)

    def __iter__(self) -> Iterator[Command]:
        """All commands in order."""
        return iter(self._commands)

    def __len__(self) -> int:
        """How many commands there are."""
        return len(self._commands)

    def find(self, name: str) -> Command | None:
        """The command of that name or alias."""
        return self._by_name.get(name)

    def allowed(self, role: Role) -> tuple[Command, ...]:
        """What a role may do."""
        return tuple(command for command in self._commands if command.role <= role)

    def nearest(self, name: str, role: Role) -> tuple[Command, ...]:
        """Commands of a role that look like a mistyped name, best first, none twice."""
        names = [known for known, command in self._by_name.items() if command.role <= role]
        return tuple(
            {self._by_name[near].name: self._by_name[near] for near in nearest(name, names)}.values()
        )


def load_registry(package: str = "handlers.commands") -> Registry:
    """Import every module of the package, in name order, and collect the commands defined in it."""
    path = import_module(package).__path__
    commands: list[Command] = []
    for name in sorted(module.name for module in iter_modules(path)):
        module = import_module(f"{package}.{name}")
        commands += [value for value in vars(module).values() if isinstance(value, Command)]
    return Registry(commands)


def definition_faults(command: Command) -> list[str]:
    """What is missing in a definition; nothing may be left to a default that lets somebody in."""
    checks = {
        "needs a name of a-z, 0-9 and _": bool(_NAME.fullmatch(command.name)),
        "has an alias that is no name": all(_NAME.fullmatch(alias) for alias in command.aliases),
        "declares no role": isinstance(command.role, Role),
        "has no docstring": bool(command.help),
        f"has a first line of more than {_HELP_LENGTH} characters": len(command.help) <= _HELP_LENGTH,
        f"has a parameter help of more than {_HELP_LENGTH} characters": all(
            len(parameter.help) <= _HELP_LENGTH for parameter in command.parameters
        ),
        "asks for a confirmation but has no preview": command.confirm is Confirm.NONE
        or bool(command.preview),
        "is no async function": iscoroutinefunction(command.handler),
    }
    return [f"/{command.name} {fault}" for fault, holds in checks.items() if not holds]
