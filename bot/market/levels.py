"""Stop and target for an entry that no signal asked for: the strategy is asked, without trusting it."""

from math import isfinite

from bot.domain.signal import Side
from bot.market.signals import SignalSource
from bot.strategy import Levels


def levels(signals: SignalSource, symbol: str, side: Side) -> Levels | None:
    """What the symbol's strategy says after its last closed bar; None when it says nothing of use."""
    strategy, frame = signals.strategy(symbol), signals.frame(symbol)
    if symbol in signals.failures or len(frame) < max(1, strategy.warmup_bars):
        return None
    try:
        found = strategy.levels(frame, signals.columns(symbol), len(frame) - 1, side)
    except (Exception, SystemExit):  # noqa: BLE001 - anybody's code; it says nothing then
        return None
    return found if found is not None and _sound(found) else None


def _sound(found: Levels) -> bool:
    figures = (found.stop_distance, found.target_distance, found.atr)
    return all(isfinite(figure) and figure >= 0 for figure in figures) and found.stop_distance > 0
