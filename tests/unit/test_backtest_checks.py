"""Every check of a backtest's outcome: it passes where all is well and names what is not."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from outcomes import BAR_MS, outcome_of, random_frame, random_outcome, random_trades

from bot.domain.order import CloseReason
from research.results.checks import Kind, checks_of
from research.results.outcome import EquitySeries, Outcome, SimulatedTrade
from research.results.statistics import summary_of

FRAME = random_frame(11, 3000)
SOUND = outcome_of([FRAME], random_trades(11, FRAME))


def failed(outcome: Outcome) -> dict[str, str]:
    """Names and figures of the checks that fail."""
    found = checks_of(outcome, summary_of(outcome), {"BTCUSDT": FRAME})
    return {check.name: check.figures for check in found if not check.passed}


def changed(place: int, **values: object) -> Outcome:
    """The sound outcome with one trade changed."""
    trades = list(SOUND.trades)
    trades[place] = replace(trades[place], **values)  # type: ignore[arg-type]
    return replace(SOUND, trades=tuple(trades))


def equity(change: Callable[[EquitySeries], EquitySeries]) -> Outcome:
    """The sound outcome with another equity series."""
    return replace(SOUND, equity=change(SOUND.equity))


def test_a_sound_outcome_passes_every_check() -> None:
    """All eleven, each with figures."""
    found = checks_of(SOUND, summary_of(SOUND), {"BTCUSDT": FRAME})
    assert len(found) == 11
    assert [check.name for check in found if not check.passed] == []
    assert all(check.figures for check in found)


def test_two_symbols_may_hold_positions_side_by_side() -> None:
    """Overlap is judged per symbol."""
    outcome = random_outcome(5, 2000)
    assert [
        c.name for c in checks_of(outcome, summary_of(outcome)) if not c.passed and c.kind is Kind.BOOKS
    ] == []


def first(reason: CloseReason) -> int:
    """The place of the first trade closed for that reason."""
    return next(i for i, trade in enumerate(SOUND.trades) if trade.reason is reason)


def same_bar(reason: CloseReason) -> Outcome:
    """A trade that begins in the bar in which the one before it ended."""
    place = first(reason)
    before: SimulatedTrade = SOUND.trades[place]
    after = SOUND.trades[place + 1]
    side = before.side.opposite if reason is CloseReason.REVERSE else before.side
    trades = list(SOUND.trades)
    trades[place + 1] = replace(after, entry_at_ms=before.exit_at_ms, side=side)
    return replace(SOUND, trades=tuple(trades))


CASES: list[tuple[str, Outcome, str]] = [
    ("figures are numbers", changed(3, net=float("nan")), SOUND.trades[3].side.value),
    ("figures are numbers", changed(3, quantity=0.0), "BTCUSDT"),
    (
        "balance never negative",
        equity(lambda e: EquitySeries(e.at_ms, np.where(np.arange(len(e.equity)) == 7, -0.01, e.equity))),
        "lowest -0.01 at 2023-01-01 02:00",
    ),
    ("times ordered", changed(2, exit_at_ms=SOUND.trades[2].entry_at_ms - BAR_MS), "before it begins"),
    ("times ordered", replace(SOUND, trades=SOUND.trades[::-1]), "ends before the one listed ahead of it"),
    ("times ordered", equity(lambda e: EquitySeries(e.at_ms[::-1], e.equity)), "steps back"),
    (
        "one position per symbol",
        changed(4, entry_at_ms=SOUND.trades[3].exit_at_ms - BAR_MS),
        "begins before BTCUSDT",
    ),
    ("one position per symbol", same_bar(CloseReason.SL), "has ended"),
    ("fees add up", changed(5, fees=SOUND.trades[5].fees * 1.01), "0.0400% a side"),
    ("nets add up", changed(5, net=SOUND.trades[5].net + 0.001), "is off by 0.001"),
    ("nets add up", changed(5, net_return=SOUND.trades[5].net_return * 1.01), "BTCUSDT"),
    (
        "equity agrees with the trades",
        equity(lambda e: EquitySeries(e.at_ms, e.equity + 0.01)),
        "wallet and nets are",
    ),
    (
        "fills lie within their bars",
        changed(6, entry_price=SOUND.trades[6].entry_price * 1.05),
        "is not within",
    ),
    (
        "fills lie within their bars",
        changed(6, exit_at_ms=SOUND.trades[6].exit_at_ms + 7),
        "there is no bar at",
    ),
]


@pytest.mark.parametrize(
    "name, outcome, figures", CASES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_each_check_names_what_is_wrong(name: str, outcome: Outcome, figures: str) -> None:
    """Planted, found, told with its figures."""
    assert figures in failed(outcome)[name]


def test_rounding_takes_a_fill_beyond_its_bar_by_less_than_a_tick() -> None:
    """The lowest price less slippage, and half a tick below it."""
    trade = SOUND.trades[6]
    row = int(np.searchsorted(FRAME.open_at_ms, trade.entry_at_ms))
    below = changed(6, entry_price=FRAME.low.item(row) * (1 - 0.0001) - 0.025)

    def fits(tick: float) -> bool:
        found = checks_of(below, summary_of(below), {"BTCUSDT": FRAME}, {"BTCUSDT": tick})
        return next(check.passed for check in found if check.name == "fills lie within their bars")

    assert [fits(tick) for tick in (0.05, 0.0251, 0.0249, 0.0)] == [True, True, False, False]


def test_a_reversal_may_begin_in_the_bar_of_the_exit() -> None:
    """Out and in at the same open, the other way."""
    assert "one position per symbol" not in failed(same_bar(CloseReason.REVERSE))


def winning(share: float) -> Outcome:
    """The sound outcome in which this share of the trades wins 10 and the others lose 1 (books are off, of course)."""
    count = len(SOUND.trades)
    trades = [
        replace(trade, net=10.0 if place < share * count else -1.0)
        for place, trade in enumerate(SOUND.trades)
    ]
    return replace(SOUND, trades=tuple(trades))


def test_what_is_too_good_is_said() -> None:
    """A profit factor of 210 is no result; one of 1.2 is."""
    assert "profit factor 210" in failed(winning(0.95))["not too good to be true"]
    assert "not too good to be true" not in failed(winning(0.1))


def test_few_trades_mean_nothing() -> None:
    """Twelve trades, however good."""
    few = outcome_of([FRAME], SOUND.trades[:12])
    assert failed(few) == {"enough trades": "12 trades, fewer than 30: the figures mean nothing"}


def test_too_many_trades_are_said() -> None:
    """Forty trades in three hundred bars."""
    stretch = replace(SOUND.stretches[0], bars=400, warmup_bars=100)
    outcome = replace(SOUND, trades=SOUND.trades[:40], stretches=(stretch,))
    assert "40 trades in 300 bars, 13.33%" in failed(outcome)["trade frequency"]
