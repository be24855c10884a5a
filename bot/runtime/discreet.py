"""Events without secrets: what a venue, a database or a notice says in words is redacted before it is written down."""

from collections.abc import Callable
from dataclasses import replace

from bot.domain.event import (
    CallEnded,
    Event,
    ModelPlaced,
    NoticeRaised,
    OrderUpdated,
    SnapshotFailed,
    StorageChanged,
    VenueConditionChanged,
    VenueLost,
)
from bot.domain.notice import Notice

type Redact = Callable[[str], str]


def discreet(event: Event, redact: Redact) -> Event:
    """The event, its free words without secrets."""
    match event:
        case OrderUpdated(code="") | CallEnded(code="") | StorageChanged(reason=""):
            return event
        case OrderUpdated() | CallEnded() | SnapshotFailed():
            return replace(event, code=redact(event.code))
        case VenueLost() | VenueConditionChanged() | StorageChanged():
            return replace(event, reason=redact(event.reason))
        case ModelPlaced():
            return replace(event, fault=redact(event.fault))
        case NoticeRaised():
            return replace(event, notice=_notice(event.notice, redact))
        case _:
            return event


def _notice(notice: Notice, redact: Redact) -> Notice:
    fields = tuple((redact(label), redact(value)) for label, value in notice.fields)
    return replace(notice, title=redact(notice.title), fields=fields)
