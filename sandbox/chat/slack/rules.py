"""Figures of Slack that a test may want otherwise, and the manifest of the app."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the app has registered: slash commands with their stroke, and the events it hears."""

    commands: tuple[str, ...] = ()
    events: tuple[str, ...] = ("app_mention", "message.im")


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
