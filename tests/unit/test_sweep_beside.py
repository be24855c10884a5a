"""Sweeps with funding and with the path inside a bar: every set comes to what a single fast backtest of it does."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from bot.domain.market import HOUR_MS, MINUTE_MS
from bot.strategy import Frame
from bot.venues.matching import BothHit
from research.backtest.fast import run_fast
from research.backtest.ground import Ground
from research.results.plan import Plan, Rules
from research.store.port import Points
from research.sweep.grid import Axis, Grid
from research.sweep.plan import SweepPlan
from research.sweep.run import sweep
from research.sweep.source import Beside, FrameSource, Known, known
from research.work import open_workers

BEGIN_MS = 1_672_531_200_000
GRID = Grid(
    (Axis("atr_sl_mult", (0.5, 2.0)), Axis("atr_tp_mult", (0.5, 3.0)), Axis("signal_threshold", (1, 2)))
)


FIXED = {"adx_threshold": 0.0, "volume_multiplier": 1.0}


def minutes(symbol: str, bars: int, seed: int) -> Frame:
    """A random walk of 5-minute candles, three to a bar."""
    rng = np.random.default_rng(seed)
    count, step = 3 * bars, 0.003
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, step, count)))
    opened = np.concatenate(([100.0], close[:-1]))
    wick = np.abs(rng.normal(0.0, step, (2, count)))
    high, low = np.maximum(opened, close) * (1 + wick[0]), np.minimum(opened, close) * (1 - wick[1])
    at_ms = BEGIN_MS + np.arange(count, dtype=np.int64) * 5 * MINUTE_MS
    return Frame(symbol, 5 * MINUTE_MS, at_ms, opened, high, low, close, rng.lognormal(3.0, 1.0, count))


def quarters(finer: Frame) -> Frame:
    """The same as 15-minute candles."""
    rows = len(finer) // 3
    o, h, lo, c, v = (
        column.reshape(rows, 3) for column in (finer.open, finer.high, finer.low, finer.close, finer.volume)
    )
    at_ms = finer.open_at_ms[::3].copy()
    return Frame(
        finer.symbol,
        15 * MINUTE_MS,
        at_ms,
        *(np.ascontiguousarray(x) for x in (o[:, 0], h.max(1), lo.min(1), c[:, -1], v.sum(1))),
    )


def rates(frame: Frame, seed: int) -> Points:
    """Every eight hours, large enough to turn winners into losers."""
    first, end = int(frame.open_at_ms[0]), int(frame.open_at_ms[-1]) + frame.timeframe_ms
    at_ms = np.arange(first, end + 1, 8 * HOUR_MS, dtype=np.int64)
    return Points(at_ms, np.random.default_rng(seed).normal(0.001, 0.004, len(at_ms)))


def symbol_of(number: int, *, funded: bool, inside: bool) -> tuple[Known, Ground]:
    finer = minutes(f"S{number}USDT", 3_000, number)
    frame = quarters(finer)
    paid = rates(frame, number) if funded else None
    mark = known(finer).mark
    beside = Beside(paid, FrameSource(finer) if inside else None, mark if inside else None)
    ground = Ground(
        "15m",
        {frame.symbol: frame},
        funding={frame.symbol: paid} if paid else {},
        finer={frame.symbol: finer} if inside else {},
    )
    return replace(known(frame), beside=beside), ground


@pytest.mark.parametrize("combined", [False, True])
@pytest.mark.parametrize("funded, inside", list(product([False, True], repeat=2)))
def test_every_set_comes_to_what_a_backtest_of_it_does(combined: bool, funded: bool, inside: bool) -> None:
    rules = Rules(both_hit=BothHit.PATH if inside else BothHit.STOP)
    found = [symbol_of(number, funded=funded, inside=inside) for number in (1, 2)]
    plan = SweepPlan("composite", GRID, FIXED, rules=rules, windows=None, combined=combined, least=5)
    with open_workers(1) as workers:
        sections = sweep(plan, [one for one, _ in found], workers).sections
    grounds = [[ground for _, ground in found]] if combined else [[ground] for _, ground in found]
    assert len(sections) == len(grounds)
    for section, parts in zip(sections, grounds, strict=True):
        for row in section.rows:
            trades = [
                trade
                for ground in parts
                for trade in run_fast(Plan("composite", {**FIXED, **row.parameters}, rules), ground).trades
            ]
            nets = [trade.net_return for trade in trades]
            assert row.trades == len(nets) > 20
            assert row.wins == sum(net > 0 for net in nets)
            assert row.net == pytest.approx(sum(nets), abs=1e-9)
            assert row.gross_loss == pytest.approx(-sum(net for net in nets if net < 0), abs=1e-9)
            assert (sum(abs(trade.funding) for trade in trades) > 0) is funded
        assert section.best is not None
        ordered = sorted(
            (
                trade
                for ground in parts
                for trade in run_fast(
                    Plan("composite", {**FIXED, **section.best.parameters}, rules), ground
                ).trades
            ),
            key=lambda one: (one.exit_at_ms, one.entry_at_ms, one.symbol),
        )
        running = np.concatenate(([0.0], np.cumsum([one.net_return for one in ordered])))
        fall = float((np.maximum.accumulate(running) - running).max())
        assert section.best.drawdown == pytest.approx(fall, abs=1e-9)


def test_funding_and_the_path_change_what_comes_out() -> None:
    """A test of equal figures would pass for two ways that ignore them."""
    plan = SweepPlan("composite", GRID, FIXED, windows=None, least=5)
    nets = {}
    with open_workers(1) as workers:
        for funded, inside in product([False, True], repeat=2):
            rules = Rules(both_hit=BothHit.PATH if inside else BothHit.STOP)
            one, _ = symbol_of(1, funded=funded, inside=inside)
            (section,) = sweep(replace(plan, rules=rules), [one], workers).sections
            nets[funded, inside] = tuple(row.net for row in section.rows)
    assert len(set(nets.values())) == 4


def test_other_funding_is_another_sweep() -> None:
    """What was counted with other rates, or other finer candles, is not taken for this."""
    one, _ = symbol_of(1, funded=True, inside=True)
    assert one.beside.funding is not None
    other = Points(one.beside.funding.at_ms, one.beside.funding.value * 2)
    assert one.print != replace(one, beside=replace(one.beside, funding=other)).print
    assert one.print != replace(one, beside=Beside(one.beside.funding)).print
    assert replace(one, beside=Beside()).print == (one.mark.sha256,)
