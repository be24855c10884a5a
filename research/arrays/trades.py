"""A symbol's entries made into trades: the columns that the fast backtest and sweeps read."""

import numpy as np

from bot.domain.order import CloseReason
from bot.market.compiled import plain
from bot.strategy import Array, Entries, Frame
from bot.venues.matching import BothHit
from research.arrays import walk
from research.arrays.walk import Asked, Bars, Excursions, Inside, Legs, Market, Money, Terms
from research.results.plan import Rules

REASONS = (CloseReason.SL, CloseReason.TP, CloseReason.REVERSE, CloseReason.END, CloseReason.EMERGENCY)
"""What the kinds of exits in `walk` are called."""

_FIRST = {BothHit.STOP: walk.STOP_FIRST, BothHit.TARGET: walk.TARGET_FIRST, BothHit.PATH: walk.PATH}


def trades_of(
    frame: Frame, entries: Entries, rules: Rules, finer: Frame | None = None
) -> tuple[Legs, Excursions]:
    """Walk a symbol's entries through its whole history; `finer` candles serve `both_hit: path`."""
    market, asked = market_of(frame, rules, finer), asked_of(entries)
    room = legs_for(len(entries))
    legs = cut(room, walk.walk(market, asked, terms_of(rules), room, 1, len(frame)))
    far = Excursions(np.empty(len(legs.place)), np.empty(len(legs.place)))
    walk.excursions(market.bars, asked, legs, far)
    return legs, far


def cut(legs: Legs, count: int) -> Legs:
    """The first trades of a room."""
    return Legs(
        legs.place[:count],
        legs.entry_row[:count],
        legs.exit_row[:count],
        legs.kind[:count],
        legs.entry[:count],
        legs.exit[:count],
        legs.stop[:count],
        legs.target[:count],
    )


def market_of(frame: Frame, rules: Rules, finer: Frame | None) -> Market:
    """The candles as compiled code takes them."""
    return Market(bars_of(frame), _inside(frame, finer if rules.both_hit is BothHit.PATH else None))


def _inside(frame: Frame, finer: Frame | None) -> Inside:
    if finer is None:
        none = np.zeros(len(frame), dtype=np.int64)
        return Inside(none, none, np.empty(0), np.empty(0))
    begin, end = (
        np.searchsorted(finer.open_at_ms, frame.open_at_ms + length) for length in (0, frame.timeframe_ms)
    )
    return Inside(begin, end, plain(finer.high), plain(finer.low))


def asked_of(entries: Entries) -> Asked:
    """Entries as compiled code takes them."""
    return Asked(
        plain(entries.row),
        plain(entries.side),
        plain(entries.reference_price),
        plain(entries.stop_price),
        plain(entries.target_price),
        plain(entries.on_level),
    )


def terms_of(rules: Rules) -> Terms:
    """The rules that the walk needs."""
    return Terms(float(rules.slippage), _FIRST[rules.both_hit])


def legs_for(length: int) -> Legs:
    """Room for so many trades."""
    place, entry_row, exit_row = np.empty((3, length), dtype=np.int64)
    entry, leave, stop, target = np.empty((4, length))
    return Legs(place, entry_row, exit_row, np.empty(length, dtype=np.int8), entry, leave, stop, target)


def equity_of(frame: Frame, legs: Legs, money: Money) -> Array:
    """Equity above its beginning at every bar's close, what is open marked at it."""
    wallet, equity = np.zeros(len(frame)), np.zeros(len(frame))
    walk.marked(bars_of(frame), legs, money, wallet, equity)
    return equity


def bars_of(frame: Frame) -> Bars:
    """Prices as compiled code takes them."""
    return Bars(plain(frame.open), plain(frame.high), plain(frame.low), plain(frame.close))
