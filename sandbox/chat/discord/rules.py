"""Figures of Discord that a test may want otherwise; the defaults are the real ones."""

from dataclasses import dataclass

PRIVILEGED = 1 << 1 | 1 << 8 | 1 << 15
"""Members, presences, message content."""
ALL_INTENTS = (1 << 17) - 1 | 1 << 20 | 1 << 21 | 1 << 24 | 1 << 25


@dataclass(frozen=True, slots=True)
class DiscordRules:
    """Seconds, counts and bit masks.

    `nudge_s`: the gateway asks for a heartbeat so often (real: at will). `ban_s` is a choice of ours: the length of
    Cloudflare's is not published. `allowed_intents`: privileged ones are off unless named here.
    """

    heartbeat_s: float = 41.25
    nudge_s: float = 30.0
    first_answer_s: float = 3.0
    token_s: float = 900.0
    resume_within_s: float = 180.0
    identifies_a_day: int = 1_000
    identify_every_s: float = 5.0
    frames_a_minute: int = 120
    per_second: int = 50
    invalid_requests: int = 10_000
    invalid_within_s: float = 600.0
    ban_s: float = 3_600.0
    new_commands_a_day: int = 200
    file_bytes: int = 10 * 1024 * 1024
    allowed_intents: int = ALL_INTENTS & ~PRIVILEGED
