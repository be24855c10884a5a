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
from bot.domain.instrument import MONEY_GRID, to_decimal, to_level
from bot.risk.sizing import SizeRequest, size
from bot.strategy import Array
from bot.venues.instruments import free_instrument
from research.arrays.walk import END, REVERSE
from research.backtest.lots import Lot
from research.results.plan import Plan

NO_MARGIN = 1_000_000
"""Leverage where a position needs no margin of its own."""

_UNBOUNDED = Decimal(10) ** 30
_INSIDE, _SIZED, _FILLED, _SIZED_AGAIN, _FILLED_AGAIN = range(5)
"""Order at one close, the engine's: exits and funding of the bar; new entries are sized; they fill, and what turns
round is closed; what follows that is sized, and fills.
"""


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
    """Something that moves the wallet: when, in which order, of which trade, by how much per unit.

    `sized`: the trade gets its size here; `held` is +1 where its margin is taken, -1 where it is free again.
    """

    at_ms: int
    phase: int
    rank: float
    symbol: str
    lot: int
    trade: int
    gain: float = 0.0
    held: int = 0
    sized: bool = False


def _in_turn(plan: Plan, lots: Sequence[Lot]) -> list[Array]:
    found: list[Array] = [np.zeros(len(lot)) for lot in lots]
    share, wallet, margins = Decimal(1) / max(1, len(lots)), float(plan.wallet), 0.0
    leverage = plan.leverage if plan.sizing.mode is SizingMode.MARGIN_RATIO else NO_MARGIN
    for step in sorted(step for number, lot in enumerate(lots) for step in _steps(number, lot)):
        lot, own, t = lots[step.lot], found[step.lot], step.trade
        if step.sized:
            own[t] = _sized(_request(plan, lot, t, share, leverage), wallet, wallet - margins)
        wallet += own.item(t) * step.gain
        margins += own.item(t) * lot.trades.entry.item(t) / leverage * step.held
    return found


def _steps(number: int, lot: Lot) -> Iterator[_Step]:
    """Size, entry, funding and exit of every trade of a symbol."""
    trades, symbol = lot.trades, lot.frame.symbol
    closes = lot.frame.open_at_ms + lot.frame.timeframe_ms
    ranks = (-lot.entries.score[trades.place]).tolist()
    for t in range(len(lot)):
        first, last, kind = trades.entry_row.item(t), trades.exit_row.item(t), trades.kind.item(t)
        again, at_ms = bool(lot.reversed[t]), closes.item(first - 1)
        sized, filled = (_SIZED_AGAIN, _FILLED_AGAIN) if again else (_SIZED, _FILLED)
        yield _Step(at_ms, sized, ranks[t], symbol, number, t, held=1, sized=True)
        yield _Step(at_ms, filled, ranks[t], symbol, number, t, gain=-lot.entry_fee.item(t))
        for row in (first + np.flatnonzero(lot.due[first : last + (kind == END)])).tolist():
            gain = -lot.sign.item(t) * lot.due.item(row)
            yield _Step(closes.item(row), _INSIDE, 0.0, symbol, number, t, gain)
        if kind == REVERSE:
            at_ms, phase, rank = closes.item(last - 1), _FILLED, ranks[t + 1]
        else:
            at_ms, phase, rank = closes.item(last), _INSIDE, 0.0
        yield _Step(at_ms, phase, rank, symbol, number, t, lot.exit_gain.item(t), held=-1)


def _request(plan: Plan, lot: Lot, t: int, share: Decimal, leverage: int) -> SizeRequest:
    entries, place = lot.entries, lot.trades.place.item(t)
    return SizeRequest(
        sizing=plan.sizing,
        instrument=free_instrument(lot.frame.symbol, leverage),
        entry_price=to_decimal(entries.reference_price.item(place)),
        stop_price=to_level(entries.stop_price.item(place)),
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
