"""Outcomes of backtests for tests: trades drawn by lot on random candles, equity marked bar by bar the slow way."""

from collections.abc import Sequence
from decimal import Decimal
from random import Random

import numpy as np

from bot.domain.order import CloseReason
from bot.domain.signal import Side
from bot.strategy import Frame
from research.results.outcome import EquitySeries, Outcome, SimulatedTrade, Stretch
from research.results.plan import Plan

BAR_MS = 900_000
FROM_MS = 1_672_531_200_000
"""2023-01-01 00:00 UTC."""
FEE, SLIPPAGE = 0.0004, 0.0001
REASONS = (CloseReason.TP, CloseReason.SL, CloseReason.REVERSE)


def random_frame(seed: int, bars: int, symbol: str = "BTCUSDT", from_ms: int = FROM_MS) -> Frame:
    """Candles of a random walk."""
    draw = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(draw.normal(0, 0.004, bars)))
    start = np.concatenate(([100.0], close[:-1]))
    high = np.maximum(start, close) * (1 + draw.uniform(0, 0.003, bars))
    low = np.minimum(start, close) * (1 - draw.uniform(0, 0.003, bars))
    opens = from_ms + BAR_MS * np.arange(bars, dtype=np.int64)
    return Frame(symbol, BAR_MS, opens, start, high, low, close, draw.uniform(1, 1000, bars))


def random_trades(seed: int, frame: Frame, notional: float = 1000.0) -> list[SimulatedTrade]:
    """Trades one after another, at prices that the bars have; the last may be closed by the end."""
    lots, found, row = Random(seed), [], 0
    while (row := row + lots.randint(1, 60)) < len(frame) - 2:
        until = min(len(frame) - 1, row + lots.randint(0, 80))
        reason = CloseReason.END if until == len(frame) - 1 else lots.choice(REASONS)
        found.append(_trade(frame, row, until, lots, reason, notional))
        row = until
    return found


def _trade(
    frame: Frame, row: int, until: int, lots: Random, reason: CloseReason, notional: float
) -> SimulatedTrade:
    side = lots.choice((Side.LONG, Side.SHORT))
    entry = float(frame.open[row]) * (1 + side.sign * SLIPPAGE)
    at = frame.open if reason is CloseReason.REVERSE else frame.close
    leave = float(at[until]) * (1 - side.sign * SLIPPAGE)
    quantity = notional / entry
    fees = FEE * quantity * (entry + leave)
    funding = lots.choice((0.0, 0.0, 0.13, -0.21))
    net = side.sign * quantity * (leave - entry) - fees + funding
    extremes = [float(frame.low[row : until + 1].min()), float(frame.high[row : until + 1].max())]
    against, for_us = extremes if side is Side.LONG else extremes[::-1]
    return SimulatedTrade(
        symbol=frame.symbol,
        strategy="composite",
        side=side,
        quantity=quantity,
        entry_at_ms=int(frame.open_at_ms[row]),
        entry_price=entry,
        exit_at_ms=int(frame.open_at_ms[until]),
        exit_price=leave,
        reason=reason,
        fees=fees,
        funding=funding,
        net=net,
        net_return=net / notional,
        score=float(lots.randint(3, 6)),
        stop_price=entry * (1 - side.sign * 0.01),
        target_price=entry * (1 + side.sign * 0.02),
        adverse=max(0.0, side.sign * (entry - against) / entry),
        favourable=max(0.0, side.sign * (for_us - entry) / entry),
        indicators={"rsi14": lots.uniform(0, 100), "adx14": lots.uniform(0, 60)},
    )


def marked(wallet: float, frames: Sequence[Frame], trades: Sequence[SimulatedTrade]) -> EquitySeries:
    """Equity at every close of any symbol: what was closed, and what is open at its last close less the entry's fee."""
    closes = sorted({int(at) + BAR_MS for frame in frames for at in frame.open_at_ms})
    levels = []
    for at_ms in closes:
        level = wallet
        for trade in trades:
            if trade.exit_at_ms < at_ms:
                level += trade.net
            elif trade.entry_at_ms < at_ms:
                frame = next(one for one in frames if one.symbol == trade.symbol)
                mark = float(frame.close[np.searchsorted(frame.open_at_ms, at_ms) - 1])
                paid = FEE * trade.quantity * trade.entry_price
                level += trade.side.sign * trade.quantity * (mark - trade.entry_price) - paid
        levels.append(level)
    return EquitySeries(np.array(closes, dtype=np.int64), np.array(levels))


def outcome_of(frames: Sequence[Frame], trades: Sequence[SimulatedTrade], wallet: int = 10_000) -> Outcome:
    """A backtest that came to these trades."""
    ordered = sorted(trades, key=lambda one: (one.exit_at_ms, one.entry_at_ms, one.symbol))
    stretches = tuple(
        Stretch(frame.symbol, int(frame.open_at_ms[0]), int(frame.open_at_ms[-1]) + BAR_MS, len(frame), 0)
        for frame in frames
    )
    plan = Plan("composite", wallet=Decimal(wallet))
    return Outcome("fast", plan, "15m", stretches, tuple(ordered), marked(wallet, frames, ordered))


def random_outcome(seed: int, bars: int = 4000, symbols: Sequence[str] = ("BTCUSDT", "ETHUSDT")) -> Outcome:
    """Random trades of some symbols on random candles."""
    frames = [random_frame(seed + place, bars, symbol) for place, symbol in enumerate(symbols)]
    trades = [trade for place, frame in enumerate(frames) for trade in random_trades(seed + place, frame)]
    return outcome_of(frames, trades)
