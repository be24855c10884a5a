"""Updates that can be read, and others: what no platform sends is dropped with a line in the log; nothing breaks."""

import logging
from collections.abc import Callable
from dataclasses import fields

from handlers.request import Request

log = logging.getLogger(__name__)
_UNREADABLE = (AttributeError, KeyError, OverflowError, TypeError, ValueError)
_WORDS = tuple(one.name for one in fields(Request) if one.type is str)


def legible(read: Callable[[], Request | None]) -> Request | None:
    """The request that `read` makes of an update; None when there is none, or the update has holes or wrong types."""
    try:
        request = read()
    except _UNREADABLE as error:
        log.warning("an update that cannot be read is dropped (%s)", type(error).__name__)
        return None
    if request is None or _is_whole(request):
        return request
    log.warning("an update with wrong types is dropped")
    return None


def number(value: object) -> str:
    """An id as text; TypeError for what is no whole number."""
    if type(value) is not int:
        raise TypeError("no id")
    return str(value)


def _is_whole(request: Request) -> bool:
    words = (*(getattr(request, name) for name in _WORDS), *request.within, *request.arguments.values())
    return all(type(word) is str for word in words) and type(request.sent_at_ms) is int
