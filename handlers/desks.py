"""Several desks, one conversation: which account a request means.

An account is named by `account=NAME` anywhere in a line, else by the place (a topic, a group, a channel) that is routed
to one, else it is the default. With one desk there is nothing to choose and nothing of it is shown.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bot.runtime.desk import Desk
from handlers.command import Injected

OPTION = "account"
_NAMED = re.compile(r'(?<!\S)account=(?:"([^"]*)"|(\S+))', re.IGNORECASE)


def no_position() -> int:
    """The journal position where there is no journal."""
    return 0


@dataclass(frozen=True, slots=True)
class Seat:
    """One account's desk, what its handlers may ask for by type, and its journal's position.

    `down` says why the account answers nothing now; empty: it does.
    """

    desk: Desk
    context: tuple[Injected, ...] = ()
    journal_position: Callable[[], int] = no_position
    down: str = ""


@dataclass(frozen=True, slots=True)
class Desks:
    """The desks by account name. `routes` are accounts by "platform:chat_id" (a topic's group counts as its place)."""

    seats: Mapping[str, Seat]
    default: str
    routes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def alone(cls, seat: Seat) -> "Desks":
        """The only desk there is; its name is never shown."""
        return cls({"": seat}, "")

    @property
    def several(self) -> bool:
        """True when there is a choice."""
        return len(self.seats) > 1

    @property
    def names(self) -> tuple[str, ...]:
        """Names to choose from; none when there is no choice."""
        return tuple(self.seats) if self.several else ()

    def find(self, name: str) -> str | None:
        """The account of that name, whatever its case."""
        return next((known for known in self.seats if known.casefold() == name.casefold()), None)

    def at(self, platform: str, places: tuple[str, ...]) -> str:
        """The account that a chat speaks to by itself; `places` are the chat and what it lies within, nearest first."""
        routed = (self.routes.get(f"{platform}:{place}", "") for place in places)
        return next((name for name in routed if name and name in self.seats), self.default)

    def split(self, text: str) -> tuple[str, str]:
        """A line's words without the account, and the account named there ("" when none is, or there is no choice)."""
        match = _NAMED.search(text) if self.several else None
        if match is None:
            return text, ""
        rest = f"{text[: match.start()].rstrip()} {text[match.end() :].lstrip()}".strip()
        return rest, match[1] or match[2] or ""

    def named(self, line: str, account: str) -> str:
        """A command line that says its account, right after the command; one that does already stays as it is."""
        if not self.several or _NAMED.search(line):
            return line
        head, _, rest = line.partition(" ")
        word = f'"{account}"' if " " in account else account
        return f"{head} {OPTION}={word} {rest}" if rest else f"{head} {OPTION}={word}"
