"""The four states that people mean by "stop", each by its own name, at the head of every reply about how the desk is.

pause         no new entries, for one symbol or for all, until /resume
stop_trading  no new entries at all, kept over restarts, until /start_trading
flatten       positions are being closed at market
shutdown      the process ends; stops and targets stay at the venue
"""

from collections.abc import Callable
from dataclasses import dataclass

from bot.domain.order import Purpose
from bot.engine.views import StatusView
from bot.runtime.desk import Desk
from handlers.cards import listed, trading_words
from handlers.command import Injected

OFF = "off"


def not_ending() -> str:
    """The process runs on."""
    return ""


def all_acknowledged() -> tuple[str, ...]:
    """No critical notice waits for somebody."""
    return ()


@dataclass(frozen=True, slots=True)
class Standing(Injected):
    """What the desk itself cannot know: `ending` says why the process is about to end (empty: it is not), and

    `unacknowledged` names the critical notices that nobody has answered yet.
    """

    ending: Callable[[], str] = not_ending
    unacknowledged: Callable[[], tuple[str, ...]] = all_acknowledged


USUAL = Standing()


def header(desk: Desk, standing: Standing = USUAL) -> tuple[tuple[str, str], ...]:
    """The trading state in one line, then each of the four by name: on or off, and what lifts it."""
    view = desk.status()
    waiting = standing.unacknowledged()
    return (
        ("Trading", trading_words(view)),
        ("pause", pause_words(view)),
        ("stop_trading", "ON, kept over restarts; /start_trading lifts it" if view.stopped else OFF),
        ("flatten", flatten_words(desk)),
        ("shutdown", standing.ending() or OFF),
        *((("NOT ACKNOWLEDGED", f"{listed(waiting, '/ack all')}; /ack"),) if waiting else ()),
    )


def pause_words(view: StatusView) -> str:
    """Who makes no entries until /resume."""
    single = f"{listed(view.paused, '/symbols')}; /resume SYMBOL lifts it" if view.paused else ""
    if view.paused_all:
        return f"ON for all; /resume lifts it{f'. On their own: {single}' if single else ''}"
    return f"ON for {single}" if single else OFF


def flatten_words(desk: Desk) -> str:
    """Which positions are on their way out at market."""
    closing = dict.fromkeys(order.symbol for order in desk.orders() if order.purpose is Purpose.CLOSE)
    return (
        f"CLOSING NOW: {listed(list(closing), '/orders')}; ends when the venue confirms flat"
        if closing
        else OFF
    )
