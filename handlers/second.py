"""The two-person rule: what one person asked and confirmed waits for another one."""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.domain.errors import ConfigError
from handlers.command import Risk
from handlers.registry import Registry


@dataclass(frozen=True, slots=True)
class TwoPerson:
    """Commands (by their own names) that a second person has to confirm, and how long that may take."""

    commands: frozenset[str] = frozenset()
    valid_ms: int = 300_000


def two_person(names: Iterable[str], valid_ms: int, registry: Registry) -> TwoPerson:
    """The rule as configured, aliases resolved; raises ConfigError with one line that says what is wrong."""
    found = {name: registry.find(name.removeprefix("/").casefold()) for name in names}
    unknown = [name for name, command in found.items() if command is None]
    if unknown:
        raise ConfigError(f"chat.two_person: no such command: {', '.join(unknown)}")
    lowering = [f"/{command.name}" for command in found.values() if command and command.risk is Risk.LOWERS]
    if lowering:
        raise ConfigError(
            f"chat.two_person: {', '.join(lowering)} lowers the risk, which never waits for a second person"
        )
    return TwoPerson(frozenset(command.name for command in found.values() if command), valid_ms)
