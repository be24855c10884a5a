"""Every phantom ends exactly once, as the rules of a backtest say, whatever the market and whenever it is restarted."""

from collections import Counter
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from phantom_kit import BAR_MS, REASONS, TERMS, alone, candles, cases, decision, market, unlike

from bot.domain.market import Candle
from bot.domain.signal import Anchor, Side
from bot.ml.phantom import Ending, Path, Phantom, Terms, candles_since, follow, follow_all, phantom_of
from bot.strategy import Entries, Frame
from bot.venues.matching import BothHit
from research.arrays.trades import REASONS as KINDS
from research.arrays.trades import trades_of
from research.results.plan import Rules

SEEDS = 120


def bar_by_bar(phantom: Phantom, told: list[Candle]) -> tuple[list[Ending], Path | None]:
    """All endings met when nobody stops after the first, and what is left open."""
    endings: list[Ending] = []
    path: Path | None = None
    for candle in told:
        found = follow(phantom, path, candle)
        if isinstance(found, Ending):
            endings.append(found)
            break
        path = found
    return endings, path


def test_every_phantom_ends_once_and_as_the_oracle_says() -> None:
    seen = Counter[str]()
    for seed in range(SEEDS):
        frame = market(seed)
        for case in cases(seed, frame):
            told, (endings, _) = alone(frame, case), bar_by_bar(case.phantom, candles(frame))
            assert len(endings) == (told is not None), (seed, case)
            if told is not None:
                assert not unlike(frame, told, endings[0]), (seed, case)
                seen[f"{told.reason} {told.how}".strip()] += 1
                seen["in the entry's own bar"] += told.entry_row == told.exit_row
                held = np.diff(frame.open_at_ms[told.entry_row : told.exit_row + 1])
                seen["through a hole"] += bool((held != BAR_MS).any())
            else:
                seen["open"] += 1
    wanted = (
        "SL",
        "TP",
        "END",
        "SL gap",
        "TP gap",
        "SL both",
        "in the entry's own bar",
        "through a hole",
        "open",
    )
    assert {name: seen[name] for name in wanted if seen[name] < 10} == {}


@pytest.mark.parametrize("anchor", Anchor)
@pytest.mark.parametrize("target", [0.0, 1.0])
def test_to_the_digit_what_the_fast_backtest_makes_of_the_signal_alone(anchor: Anchor, target: float) -> None:
    """Entry, exit, excursions and net to the last digit: the same floats in the same order."""
    for seed in range(40):
        frame = market(seed)
        for row in range(1, len(frame) - 1, 3):
            side = Side.LONG if row % 2 else Side.SHORT
            made = decision(frame, row, side, 0.7, target)
            made = replace(made, signal=replace(made.signal, anchor=anchor))
            phantom = phantom_of(made, TERMS)
            assert phantom is not None
            end = row + 1 + TERMS.lookahead
            cut = _head(frame, end)
            legs, far = trades_of(cut, _entries(phantom, row), Rules(both_hit=BothHit.STOP))
            found = follow_all(phantom, None, candles_since(frame, 0))
            if not isinstance(found, Ending):
                assert end > len(frame)
                continue
            leg = (legs.entry_row[0], legs.exit_row[0])
            assert (found.entry_at_ms, found.exit_at_ms) == tuple(cut.open_at_ms[list(leg)].tolist())
            assert (found.entry_price, found.exit_price) == (legs.entry[0], legs.exit[0])
            assert (found.adverse, found.favourable) == (far.adverse[0], far.favourable[0])
            assert REASONS[found.outcome] == str(KINDS[legs.kind[0]])


def _head(frame: Frame, end: int) -> Frame:
    columns = (frame.open_at_ms, frame.open, frame.high, frame.low, frame.close, frame.volume)
    return Frame(frame.symbol, frame.timeframe_ms, *(each[:end] for each in columns))


def _entries(phantom: Phantom, row: int) -> Entries:
    figures = (phantom.score, phantom.reference_price, phantom.stop_price, phantom.target_price, 1.0)
    return Entries(
        np.array([row], dtype=np.int64),
        np.array([phantom.side.sign], dtype=np.int8),
        *(np.array([figure]) for figure in figures),
        np.array([phantom.anchor is Anchor.LEVEL]),
    )


def test_a_restart_at_any_bar_changes_nothing() -> None:
    """Followed from its path on, or from nothing along all candles again: the same end."""
    for seed in range(30):
        frame = market(seed)
        told = candles(frame)
        for case in cases(seed, frame):
            whole = follow_all(case.phantom, None, told)
            stop = int(np.random.default_rng(seed).integers(0, len(told)))
            before = follow_all(case.phantom, None, told[:stop])
            if isinstance(before, Ending):
                assert before == whole
            else:
                assert follow_all(case.phantom, before, told[stop:]) == whole
                assert follow_all(case.phantom, before, told) == whole, (
                    "what it knows already changes nothing"
                )
                assert follow_all(case.phantom, None, [*told[:stop], *told]) == whole


def hostile(chance: np.random.Generator, candle: Candle) -> Candle:
    """A candle that cannot be the next one."""
    kind = int(chance.integers(0, 6))
    return [
        replace(candle, high=float("nan")),
        replace(candle, low=-1.0),
        replace(candle, low=candle.high * 2),
        replace(candle, open_at_ms=candle.open_at_ms + 1, low=1e-9),
        replace(candle, symbol="OTHERUSDT", low=1e-9),
        replace(candle, open_at_ms=candle.open_at_ms - 40 * BAR_MS, low=1e-9),
    ][kind]


def test_hostile_candles_change_nothing() -> None:
    for seed in range(30):
        frame, chance = market(seed), np.random.default_rng(seed)
        told = candles(frame)
        mixed = [one for candle in told for one in (hostile(chance, candle), candle, candle, *told[:2])]
        for case in cases(seed, frame):
            assert follow_all(case.phantom, None, mixed) == follow_all(case.phantom, None, told)


def test_a_refused_signal_without_a_size_is_a_standard_one() -> None:
    frame = market(2)
    made = replace(decision(frame, 5, refused_by="stop_distance"), quantity=Decimal(0))
    phantom = phantom_of(made, TERMS, standard_notional=500.0)
    assert phantom is not None
    assert not phantom.sized
    assert not phantom.taken
    assert phantom.quantity * phantom.reference_price == pytest.approx(500.0)


def test_a_hold_is_no_phantom() -> None:
    made = decision(market(2), 5)
    assert phantom_of(replace(made, signal=replace(made.signal, side=None)), TERMS) is None


@pytest.mark.parametrize("lookahead,fee,slippage", [(1, 0.0, 0.0), (3, 0.001, 0.002)])
def test_its_terms_are_its_own(lookahead: int, fee: float, slippage: float) -> None:
    frame = Frame(
        "TESTUSDT", BAR_MS, BAR_MS * np.arange(1, 7), *(np.full(6, 100.0) for _ in range(4)), np.zeros(6)
    )
    phantom = phantom_of(decision(frame, 0, Side.SHORT, 5.0, 5.0), Terms(BAR_MS, lookahead, slippage, fee))
    assert phantom is not None
    found = follow_all(phantom, None, candles(frame))
    assert isinstance(found, Ending)
    assert (found.bars, found.finished_at_ms) == (lookahead, BAR_MS * (2 + lookahead))
    cost = 2 * slippage * 100 + fee * (100 * (1 - slippage) + 100 * (1 + slippage))
    assert found.net == pytest.approx(-cost * phantom.quantity, abs=1e-9)
    assert found.net_return == pytest.approx(-cost / (100 * (1 - slippage)), abs=1e-12)
