"""Exact = fast = the oracle, trade by trade, on every real candle there is: 15m of two years, 1m of a month."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from backtest_ground import strategy_file, unlike
from backtest_oracle import Composed, Said, Terms, composite_says, differences, round_trips
from markets import REAL_SYMBOLS, real_data, real_frame

from bot.strategy import Frame
from bot.venues.matching import BothHit
from research.backtest.exact import run_exact
from research.backtest.fast import run_fast
from research.backtest.ground import Ground
from research.results.plan import Plan, Rules
from research.store.port import Points

STEADY = Composed(adx=25.0, threshold=3, volume=2.5, sl=2.0, tp=2.0)
QUICK = Composed(adx=20.0, threshold=3, volume=1.5, sl=1.0, tp=3.0)
BUSY = Composed(adx=15.0, threshold=2, volume=1.5, sl=1.0, tp=3.0)
"""A trade every few bars, many of them turned round."""

MINUTE_SYMBOLS = (*REAL_SYMBOLS, "TONUSDT")
MINUTE = '''
"""composite on candles of a minute."""

from strategies.composite.strategy import Composite


class Minute(Composite):
    """The same rules, another clock."""

    name = "minute"
    timeframe = "1m"


STRATEGY = Minute
'''
COMPOSITE_DEFAULTS = Path(__file__).resolve().parents[2] / "strategies" / "composite" / "default.yaml"


def parameters(given: Composed) -> dict[str, float | int]:
    return {
        "adx_threshold": given.adx,
        "signal_threshold": given.threshold,
        "volume_multiplier": given.volume,
        "atr_sl_mult": given.sl,
        "atr_tp_mult": given.tp,
    }


@cache
def said(symbol: str, timeframe: str, given: Composed) -> dict[int, Said]:
    return composite_says(real_frame(symbol, timeframe), given)


@cache
def real_funding(symbol: str) -> Points:
    """Settled rates of the two years; skips the test where they are absent."""
    path = real_data() / "funding" / f"{symbol}-funding.parquet"
    if not path.is_file():
        pytest.skip(f"no real funding of {symbol} in the folder QUARTERDECK_REAL_DATA names")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(path)
    return Points(table["timestamp"].to_numpy().astype(np.int64), table["funding_rate"].to_numpy())


def assert_one(ground: Ground, plan: Plan, says: dict[int, Said], terms: Terms, least: int) -> None:
    """Both ways against the oracle and against each other."""
    ((_, frame),) = ground.frames.items()
    told = round_trips(frame, says, terms)
    exact, fast = run_exact(plan, ground), run_fast(plan, ground)
    assert len(told) >= least
    assert not differences(frame, told, exact.trades)
    assert not differences(frame, told, fast.trades)
    assert not unlike(exact, fast)


@pytest.mark.parametrize("symbol", REAL_SYMBOLS)
def test_two_years_of_15m(symbol: str) -> None:
    plan = Plan("composite", parameters(STEADY))
    ground = Ground("15m", {symbol: real_frame(symbol)})
    assert_one(ground, plan, said(symbol, "15m", STEADY), Terms(), least=100)


@pytest.mark.parametrize("symbol", REAL_SYMBOLS)
def test_two_years_of_15m_with_funding_and_more_trades(symbol: str) -> None:
    rates, frame = real_funding(symbol), real_frame(symbol)
    both_hit = ("stop", "target")[REAL_SYMBOLS.index(symbol) % 2]
    plan = Plan("composite", parameters(QUICK), Rules(both_hit=BothHit(both_hit)))
    ground = Ground("15m", {symbol: frame}, funding={symbol: rates})
    terms = Terms(both_hit=both_hit, funding=within(frame, rates))
    assert_one(ground, plan, said(symbol, "15m", QUICK), terms, least=500)


def within(frame: Frame, rates: Points) -> dict[int, float]:
    pairs = zip(rates.at_ms.tolist(), rates.value.tolist(), strict=True)
    first, last = int(frame.open_at_ms[0]), int(frame.open_at_ms[-1]) + frame.timeframe_ms
    return {at_ms: rate for at_ms, rate in pairs if first < at_ms <= last}


@pytest.mark.parametrize("symbol", MINUTE_SYMBOLS)
def test_a_month_of_minutes(symbol: str, tmp_path: Path) -> None:
    folder = strategy_file(tmp_path, "minute", MINUTE, COMPOSITE_DEFAULTS.read_text(encoding="utf-8"))
    ground = Ground("1m", {symbol: real_frame(symbol, "1m")}, strategy_paths=(folder,))
    plan = Plan("minute", parameters(BUSY))
    assert_one(ground, plan, said(symbol, "1m", BUSY), Terms(), least=1_000)


@pytest.mark.parametrize("symbol", MINUTE_SYMBOLS)
def test_minutes_tell_the_path_inside_15m(symbol: str) -> None:
    """Quarters of an hour made of the minutes: what was first in a bar that reached both, the minutes tell."""
    minutes = real_frame(symbol, "1m")
    frame = quarters(minutes)
    narrow = Composed(adx=0.0, threshold=1, volume=0.0, sl=0.3, tp=0.3)
    says = composite_says(frame, narrow)
    plan = Plan("composite", parameters(narrow), Rules(both_hit=BothHit.PATH))
    terms = Terms(both_hit="path", finer=minutes)
    assert_one(Ground("15m", {symbol: frame}, finer={symbol: minutes}), plan, says, terms, least=200)
    reasons = {
        path: [one.reason for one in round_trips(frame, says, told)] for path, told in others(terms).items()
    }
    assert reasons["stop"] != reasons["path"] != reasons["target"]


def others(terms: Terms) -> dict[str, Terms]:
    return {"path": terms, "stop": Terms(both_hit="stop"), "target": Terms(both_hit="target")}


def quarters(minutes: Frame) -> Frame:
    """Bars of 15 minutes from those of one; minutes that are missing are left out of their bar."""
    opens, first = np.unique(minutes.open_at_ms // 900_000 * 900_000, return_index=True)
    last = np.append(first[1:], len(minutes)) - 1
    return Frame(
        minutes.symbol,
        900_000,
        opens,
        minutes.open[first],
        np.maximum.reduceat(minutes.high, first),
        np.minimum.reduceat(minutes.low, first),
        minutes.close[last],
        np.add.reduceat(minutes.volume, first),
    )


def test_eight_symbols_in_one_account_are_eight_accounts_without_limits() -> None:
    """No limit is set and money is there: each symbol trades as it does alone, and the account is their sum."""
    frames = {
        symbol: part(real_frame(symbol), 8_000 + 500 * place) for place, symbol in enumerate(REAL_SYMBOLS)
    }
    plan = Plan("composite", parameters(STEADY))
    ground = Ground("15m", frames)
    exact, fast = run_exact(plan, ground), run_fast(plan, ground)
    assert not unlike(exact, fast)
    for symbol, frame in frames.items():
        alone = run_exact(plan, Ground("15m", {symbol: frame})).trades
        assert [one for one in exact.trades if one.symbol == symbol] == list(alone)
    gained = sum(one.net for one in exact.trades)
    assert exact.equity.equity[-1] == pytest.approx(10_000 + gained, rel=1e-12)


def part(frame: Frame, bars: int) -> Frame:
    """The last so many bars, with a hole in the middle: symbols begin at other times and miss other bars."""
    keep = np.arange(len(frame) - bars, len(frame))
    keep = keep[(keep < len(frame) - bars // 2) | (keep > len(frame) - bars // 2 + bars // 100)]
    columns = (frame.open_at_ms, frame.open, frame.high, frame.low, frame.close, frame.volume)
    return Frame(
        frame.symbol, frame.timeframe_ms, *(np.ascontiguousarray(column[keep]) for column in columns)
    )
