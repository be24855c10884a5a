"""The market around a window: returns, strength, regime, long/short ratios, or one line saying there are none."""

from dataclasses import replace

import numpy as np
import pytest
from outcomes import BAR_MS, FROM_MS, random_frame

from bot.market.indicators import adx
from bot.strategy import Frame
from research.backtest.context import NO_RATIOS, Market, Regime, contexts
from research.store.port import Points

DAY = 96
DAY_MS = DAY * BAR_MS


def drifting(symbol: str, drift: float, bars: int = 30 * DAY) -> Frame:
    """Closes with a drift a bar around which noise of 0.2 % swings."""
    noise = np.random.default_rng(5).normal(0, 0.002, bars)
    close = 100 * np.exp(np.cumsum(noise - noise.mean() + drift))
    start = np.concatenate(([100.0], close[:-1]))
    opens = FROM_MS + BAR_MS * np.arange(bars, dtype=np.int64)
    return Frame(
        symbol, BAR_MS, opens, start, np.maximum(start, close), np.minimum(start, close), close, np.ones(bars)
    )


def test_returns_strength_and_ratios_by_hand() -> None:
    """First open to last close, the mean ADX of the window's bars, the mean ratio of the window's points."""
    btc, eth = random_frame(1, 20 * DAY, "BTCUSDT"), random_frame(2, 20 * DAY, "ETHUSDT")
    from_ms, to_ms = FROM_MS + 5 * DAY_MS, FROM_MS + 15 * DAY_MS
    ratios = Points(FROM_MS + DAY_MS * np.arange(20, dtype=np.int64), np.arange(20.0))
    (found,) = contexts([(from_ms, to_ms)], Market({"BTCUSDT": btc, "ETHUSDT": eth}, {"BTCUSDT": ratios}))
    rows = slice(5 * DAY, 15 * DAY)
    assert found.btc_return == btc.close[rows][-1] / btc.open[rows][0] - 1
    assert found.eth_return == eth.close[rows][-1] / eth.open[rows][0] - 1
    assert found.btc_adx == pytest.approx(float(adx(btc.high, btc.low, btc.close)[rows].mean()))
    assert found.long_short == {"BTCUSDT": pytest.approx(np.mean(range(5, 15)))}
    assert found.notes == ()


@pytest.mark.parametrize(
    "drift, regime", [(0.0004, Regime.UP), (-0.0004, Regime.DOWN), (0.0, Regime.SIDEWAYS)]
)
def test_regimes(drift: float, regime: Regime) -> None:
    """Farther than noise would carry it, up or down, or not."""
    market = Market({"BTCUSDT": drifting("BTCUSDT", drift)})
    assert contexts([(FROM_MS, FROM_MS + 30 * DAY_MS)], market)[0].regime is regime


def test_what_is_not_known_is_said() -> None:
    """No candles, no ratios; a window that is covered by half."""
    (found,) = contexts([(FROM_MS, FROM_MS + DAY_MS)], Market())
    assert (found.btc_return, found.btc_adx, found.regime, found.long_short) == (None, None, None, {})
    assert found.notes == ("BTCUSDT: no candles of this time", "ETHUSDT: no candles of this time", NO_RATIOS)
    btc = random_frame(1, 10 * DAY, "BTCUSDT")
    half = contexts([(FROM_MS + 5 * DAY_MS, FROM_MS + 15 * DAY_MS)], Market({"BTCUSDT": btc}))[0]
    assert (half.btc_return, half.btc_adx, half.regime) == (None, None, None)


def test_the_future_changes_no_window() -> None:
    """Other candles after a window, the same context."""
    btc = random_frame(1, 20 * DAY, "BTCUSDT")
    later = {name: getattr(btc, name).copy() for name in ("open", "high", "low", "close")}
    for column in later.values():
        column[10 * DAY :] *= 1.7
    windows = [(FROM_MS, FROM_MS + 5 * DAY_MS), (FROM_MS + 5 * DAY_MS, FROM_MS + 10 * DAY_MS)]
    assert contexts(windows, Market({"BTCUSDT": btc})) == contexts(
        windows, Market({"BTCUSDT": replace(btc, **later)})
    )
