"""Notices: what the desk tells people without being asked."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How urgent: CRITICAL wakes people, TRADE is the business, INFO may wait or be folded."""

    CRITICAL = "CRITICAL"
    TRADE = "TRADE"
    INFO = "INFO"


class NoticeKind(StrEnum):
    """What a notice is about; people switch kinds on, off or quiet with /notify."""

    ENTRY = "entry"
    EXIT = "exit"
    PROTECTION = "protection"
    ORDER_REJECTED = "order_rejected"
    EMERGENCY_CLOSE = "emergency_close"
    KILL = "kill"
    HALT = "halt"
    DAILY_LOSS = "daily_loss"
    DRAWDOWN = "drawdown"
    LIQUIDATION = "liquidation"
    STREAM = "stream"
    RECOVERY = "recovery"
    DIFFERENCE = "difference"
    FUNDING = "funding"
    LOW_BALANCE = "low_balance"
    STRATEGY = "strategy"
    JOB = "job"
    DIGEST = "digest"
    VERSION = "version"
    PANIC = "panic"
    STORAGE = "storage"
    ALERT = "alert"
    ACCESS = "access"
    PROPOSAL = "proposal"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice: kind, severity, headline, and labelled figures (label, value) in reading order.

    `to` is the user ("platform:user_id") it is meant for; empty: everybody.
    """

    kind: NoticeKind
    severity: Severity
    at_ms: int
    title: str
    fields: tuple[tuple[str, str], ...] = ()
    symbol: str = ""
    to: str = ""
