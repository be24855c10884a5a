"""What the engine's closed trades are as a backtest's: in which bars they happened, how far prices went meanwhile."""

import numpy as np

from bot.domain.order import CloseReason
from bot.domain.trade import Trade
from bot.strategy import Columns, Frame
from research.results.outcome import SimulatedTrade


def simulated(trade: Trade, frame: Frame, columns: Columns) -> SimulatedTrade:
    """The trade with the bars of `frame` in which it was entered and left; `columns` those of the whole frame."""
    entered, left = row_of(frame, trade.opened_at_ms), row_of(frame, trade.closed_at_ms)
    adverse, favourable = excursions(trade, frame, entered, left)
    return SimulatedTrade(
        symbol=trade.symbol,
        strategy=trade.strategy,
        side=trade.side,
        quantity=float(trade.quantity),
        entry_at_ms=frame.open_at_ms.item(entered),
        entry_price=float(trade.entry_price),
        exit_at_ms=frame.open_at_ms.item(left),
        exit_price=float(trade.exit_price),
        reason=trade.reason,
        fees=float(trade.fees),
        funding=float(trade.funding),
        net=float(trade.net),
        net_return=float(trade.net / (trade.entry_price * trade.quantity)),
        score=trade.score,
        stop_price=float(trade.stop_price),
        target_price=float(trade.target_price or 0),
        adverse=adverse,
        favourable=favourable,
        indicators={name: column.item(entered - 1) for name, column in columns.items()},
    )


def row_of(frame: Frame, at_ms: int) -> int:
    """The bar in which something happened: what happens at a close happens at the open of the next bar."""
    row = int(np.searchsorted(frame.open_at_ms, at_ms, side="right")) - 1
    over = at_ms >= frame.open_at_ms.item(row) + frame.timeframe_ms
    return row + 1 if over and row + 1 < len(frame) else row


def excursions(trade: Trade, frame: Frame, entered: int, left: int) -> tuple[float, float]:
    """How far prices went against and for the position, as fractions of its entry price.

    Of the bar in which it was left only the open and the exit itself count: the candle does not tell what came later.
    """
    whole = slice(entered, left + (trade.reason is CloseReason.END))
    ends = [frame.open.item(left), float(trade.exit_price)]
    low = min([*ends, *frame.low[whole].tolist()])
    high = max([*ends, *frame.high[whole].tolist()])
    entry = float(trade.entry_price)
    below, above = max(0.0, (entry - low) / entry), max(0.0, (high - entry) / entry)
    return (below, above) if trade.side.sign > 0 else (above, below)
