"""The fast way sizes its trades as the engine does: every sizing mode, one symbol and three in one account, funded."""

from decimal import Decimal

import numpy as np
import pytest
from markets import random_frame

from bot.domain.guard import Sizing, SizingMode
from bot.strategy import Frame, Value
from bot.venues.matching import BothHit
from research.backtest.exact import run_exact
from research.backtest.fast import run_fast
from research.backtest.ground import Ground
from research.results.outcome import Outcome
from research.results.plan import Plan, Rules
from research.store.port import Points

LOOSE: dict[str, Value] = {
    "adx_threshold": 0.0,
    "signal_threshold": 2,
    "volume_multiplier": 1.0,
    "atr_sl_mult": 1.0,
    "atr_tp_mult": 2.0,
}
EIGHT_HOURS_MS = 8 * 3_600_000
MONEY = ("net", "funding", "fees")
SHARES = ("adverse", "favourable", "net_return")


def rates(frame: Frame) -> Points:
    first = frame.open_at_ms.item(0) // EIGHT_HOURS_MS * EIGHT_HOURS_MS
    at_ms = np.arange(first, frame.open_at_ms.item(-1), EIGHT_HOURS_MS)
    return Points(at_ms, np.random.default_rng(1).normal(0.0, 1e-4, len(at_ms)))


def ground(seed: int, symbols: int) -> Ground:
    names = [f"S{k}USDT" for k in range(symbols)]
    frames = {name: random_frame(seed + k, 2_000, symbol=name) for k, name in enumerate(names)}
    return Ground("15m", frames, {name: rates(frame) for name, frame in frames.items()})


def assert_equal(fast: Outcome, exact: Outcome) -> None:
    assert len(fast.trades) == len(exact.trades)
    for one, other in zip(fast.trades, exact.trades, strict=True):
        notional = one.quantity * one.entry_price
        for name in one.__dataclass_fields__:
            mine, theirs = getattr(one, name), getattr(other, name)
            if isinstance(mine, float):
                scale = notional if name in MONEY else 1.0 if name in SHARES else abs(theirs)
                assert abs(mine - theirs) <= 1e-9 * scale, (name, one, other)
            else:
                assert mine == theirs, (name, one, other)
    np.testing.assert_array_equal(fast.equity.at_ms, exact.equity.at_ms)
    np.testing.assert_allclose(fast.equity.equity, exact.equity.equity, rtol=1e-9)
    assert fast.stretches == exact.stretches


@pytest.mark.parametrize("symbols", [1, 3])
@pytest.mark.parametrize("both_hit", [BothHit.STOP, BothHit.TARGET])
@pytest.mark.parametrize(
    "mode, value",
    [
        (SizingMode.FIXED_NOTIONAL, 1000),
        (SizingMode.RISK_PERCENT, 1),
        (SizingMode.RISK_USD, 50),
        (SizingMode.MARGIN_RATIO, 0),
    ],
)
def test_every_sizing_mode(mode: SizingMode, value: int, both_hit: BothHit, symbols: int) -> None:
    plan = Plan("composite", LOOSE, Rules(both_hit=both_hit), sizing=Sizing(mode, Decimal(value)))
    candles = ground(10, symbols)
    fast = run_fast(plan, candles)
    assert len(fast.trades) > 100 * symbols
    assert any(one.funding for one in fast.trades)
    assert_equal(fast, run_exact(plan, candles))


def test_an_empty_wallet_ends_it() -> None:
    """Two million of notional from ten thousand: the free margin shrinks the entries until nothing is left."""
    plan = Plan("composite", LOOSE, sizing=Sizing(SizingMode.FIXED_NOTIONAL, Decimal(2_000_000)))
    candles = ground(0, 1)
    fast = run_fast(plan, candles)
    assert_equal(fast, run_exact(plan, candles))
    assert any("wallet was empty" in note for note in fast.notes)
