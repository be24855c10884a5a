"""How large each trade of a fast backtest is: what sizing would have said at its signal.

A fixed notional needs no account, as long as there is money. Everything else is worked out trade by trade in the order
of time, over all symbols, with the wallet as it stood.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from bot.domain.guard import SizingMode
from bot.domain.instrument import MONEY_GRID, to_decimal
from bot.risk.sizing import SizeRequest, size
from bot.strategy import Array
from bot.venues.instruments import free_instrument
from research.arrays.walk import END, REVERSE
from research.backtest.lots import Lot
from research.results.plan import Plan

NO_MARGIN = 1_000_000
"""Leverage where a position needs no margin of its own."""

_UNBOUNDED = Decimal(10) ** 30
_INSIDE, _ENTRY, _TURN, _REENTRY = range(4)
"""Order at one close: exits and funding of the bar, new entries, closes that turn round, entries after them."""


def quantities(plan: Plan, lots: Sequence[Lot]) -> list[Array]:
    """The quantity of every trade in base units, 0 where the money was gone."""
    if plan.sizing.mode is SizingMode.FIXED_NOTIONAL:
        fixed = [_fixed(plan, lot) for lot in lots]
        if _affordable(plan, lots, fixed):
            return fixed
    return _in_turn(plan, lots)


def _fixed(plan: Plan, lot: Lot) -> Array:
    """Notional over the signal's price, rounded down to the grid of money as sizing does."""
    grid = float(MONEY_GRID)
    reference = lot.entries.reference_price[lot.trades.place]
    return np.floor(float(plan.sizing.value) / reference / grid) * grid


def _cost_rate(plan: Plan) -> Decimal:
    return 2 * (plan.rules.fee + plan.rules.slippage)


def _affordable(plan: Plan, lots: Sequence[Lot], fixed: Sequence[Array]) -> bool:
    """True when the wallet never comes near to what a bound of sizing would ask of it."""
    left_at = [lot.frame.open_at_ms[lot.trades.exit_row] for lot in lots]
    gains = [
        (lot.exit_gain + lot.funding - lot.entry_fee) * own for lot, own in zip(lots, fixed, strict=True)
    ]
    order = np.argsort(np.concatenate(left_at), kind="stable")
    lowest = min(0.0, np.cumsum(np.concatenate(gains)[order]).min(initial=0.0))
    each = plan.sizing.value * (_cost_rate(plan) + Decimal(1) / NO_MARGIN)
    open_funding = sum(
        float(np.abs(lot.funding * own).max(initial=0.0)) for lot, own in zip(lots, fixed, strict=True)
    )
    least = 2.0 * float(each) * len(lots)
    return bool(float(plan.wallet) + lowest - open_funding > least)


class _Step(NamedTuple):
    """Something that moves the wallet: when, in which order, of which trade, by how much per unit."""

    at_ms: int
    phase: int
    rank: float
    symbol: str
    lot: int
    trade: int
    gain: float
    ends: bool


def _in_turn(plan: Plan, lots: Sequence[Lot]) -> list[Array]:
    found: list[Array] = [np.zeros(len(lot)) for lot in lots]
    share, wallet, margins = Decimal(1) / max(1, len(lots)), float(plan.wallet), 0.0
    leverage = plan.leverage if plan.sizing.mode is SizingMode.MARGIN_RATIO else NO_MARGIN
    for step in sorted(step for number, lot in enumerate(lots) for step in _steps(number, lot)):
        lot, own, t = lots[step.lot], found[step.lot], step.trade
        margin = lot.trades.entry.item(t) / leverage
        if step.phase in {_ENTRY, _REENTRY}:
            own[t] = _sized(_request(plan, lot, t, share, leverage), wallet, wallet - margins)
            margins += own.item(t) * margin
        wallet += own.item(t) * step.gain
        margins -= own.item(t) * margin * step.ends
    return found


def _steps(number: int, lot: Lot) -> Iterator[_Step]:
    """Entry, funding and exit of every trade of a symbol."""
    trades, length = lot.trades, lot.frame.timeframe_ms
    closes = lot.frame.open_at_ms + length
    symbol = lot.frame.symbol
    for t in range(len(lot)):
        first, last, kind = trades.entry_row.item(t), trades.exit_row.item(t), trades.kind.item(t)
        turned, turns = bool(lot.reversed[t]), kind == REVERSE
        rank, sign = -lot.entries.score.item(trades.place.item(t)), lot.sign.item(t)
        entered = _REENTRY if turned else _ENTRY
        yield _Step(closes.item(first - 1), entered, rank, symbol, number, t, -lot.entry_fee.item(t), False)
        for row in (first + np.flatnonzero(lot.due[first : last + (kind == END)])).tolist():
            gain = -sign * lot.due.item(row)
            yield _Step(closes.item(row), _INSIDE, 0.0, symbol, number, t, gain, False)
        left = closes.item(last - turns)
        phase = _TURN if turns else _INSIDE
        yield _Step(left, phase, 0.0, symbol, number, t, lot.exit_gain.item(t), True)


def _request(plan: Plan, lot: Lot, t: int, share: Decimal, leverage: int) -> SizeRequest:
    entries, place = lot.entries, lot.trades.place.item(t)
    return SizeRequest(
        sizing=plan.sizing,
        instrument=free_instrument(lot.frame.symbol, leverage),
        entry_price=to_decimal(entries.reference_price.item(place)),
        stop_price=to_decimal(entries.stop_price.item(place)),
        balance=plan.wallet,
        base_balance=plan.wallet,
        share=share,
        leverage=leverage,
        cost_rate=_cost_rate(plan),
        room=_UNBOUNDED,
        available=plan.wallet,
    )


def _sized(request: SizeRequest, wallet: float, available: float) -> float:
    if wallet <= 0.0 or available <= 0.0:
        return 0.0
    asked = replace(request, balance=to_decimal(wallet), available=to_decimal(available))
    return float(size(asked).quantity)
