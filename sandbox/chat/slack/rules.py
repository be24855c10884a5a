"""Figures of Slack that a test may want otherwise, and the manifest of the app."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

_COMMAND = re.compile(r"/[a-z0-9_-]{1,31}")
_MOST_COMMANDS = 50


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the app has registered: slash commands with their stroke, and the events it hears.

    ValueError for commands that Slack does not take: more than 50, names that are no names, or twice.
    """

    commands: tuple[str, ...] = ()
    events: tuple[str, ...] = ("app_mention", "message.im")

    def __post_init__(self) -> None:
        """Refuse what Slack refuses."""
        wrong = [name for name in self.commands if not _COMMAND.fullmatch(name)]
        if wrong or len(self.commands) > _MOST_COMMANDS or len(set(self.commands)) != len(self.commands):
            raise ValueError(f"invalid_manifest: {len(self.commands)} commands, wrong names: {wrong}")

    @classmethod
    def read(cls, manifest: Mapping[str, Any]) -> Self:
        """From the manifest as it is pasted into Slack's page; texts must keep to Slack's limits."""
        rows: Sequence[Mapping[str, str]] = manifest["features"]["slash_commands"]
        for row in rows:
            if not 1 <= len(row["description"]) <= 2000 or len(row.get("usage_hint", "")) > 1000:
                raise ValueError(f"invalid_manifest: texts of {row['command']}")
        events = manifest["settings"]["event_subscriptions"]["bot_events"]
        return cls(tuple(row["command"] for row in rows), tuple(events))


@dataclass(frozen=True, slots=True)
class SlackRules:
    """Seconds and counts. Choices of ours, as Slack publishes no exact figures: the burst of messages to a channel,
    how many connections may be opened a minute, the length of a ticket's life, the grace after a refresh is asked for.
    """

    ack_s: float = 3.0
    trigger_s: float = 3.0
    response_url_uses: int = 5
    response_url_s: float = 1_800.0
    text: int = 40_000
    post_burst: int = 3
    connections: int = 10
    opens_a_minute: int = 10
    ticket_s: float = 30.0
    refresh_grace_s: float = 10.0
    retries_after_s: tuple[float, ...] = (0.0, 60.0, 300.0)
