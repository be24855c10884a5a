"""Every limit of the account, gate by gate: a run in which only that one binds, its effect, its name in the notes."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from backtest_ground import BAR_MS, START_MS, bars, scripted, unlike

from bot.domain.guard import Limits, Sizing, SizingMode
from bot.domain.instrument import Bracket, Instrument
from bot.domain.market import DAY_MS
from bot.risk.approval import RULES
from bot.strategy import Frame
from bot.venues.instruments import free_instrument
from research.backtest.exact import run_exact
from research.backtest.fast import run_fast
from research.backtest.ground import Ground
from research.results.outcome import Outcome
from research.results.plan import NO_LIMITS, Plan, Rules
from research.store.port import Points

CALM = (100, 100.5, 99.5, 100, 0)
LONG = (100, 100.5, 99.5, 100, 1)
SHORT = (100, 100.5, 99.5, 100, 2)
LOSS, GAIN = (100, 100.5, 98, 98.5, 0), (100, 102.5, 99.5, 102, 0)
"""A bar that takes a long's stop at 99 or target at 102, where levels lie one and two bars' heights from 100."""

RULES_PLAIN = Rules(slippage=Decimal(0), fee=Decimal(0))


def market(*said: tuple[float, ...], symbol: str = "AAAUSDT", later: int = 0) -> Frame:
    """Three calm bars of warm-up, `later` more, what is said, and a calm end."""
    return bars([CALM] * (3 + later) + list(said) + [CALM] * 3, symbol=symbol)


def losing(count: int, symbol: str = "AAAUSDT") -> Frame:
    """So many longs stopped one after the other: each loses 10 of 1000."""
    return market(*[LONG, LOSS, CALM] * count, symbol=symbol)


def run(tmp_path: Path, limits: Limits, *frames: Frame, **more: object) -> Outcome:
    """The exact way, without slippage and fees: notional 1000 of 10,000."""
    asked = {name: value for name, value in more.items() if name in ("sizing", "wallet", "leverage")}
    known = {name: value for name, value in more.items() if name not in asked}
    ground = Ground("15m", {one.symbol: one for one in frames}, **known)  # type: ignore[arg-type]
    plan = Plan("scripted", rules=RULES_PLAIN, limits=limits, **asked)  # type: ignore[arg-type]
    return run_exact(plan, replace(ground, strategy_paths=(scripted(tmp_path),)))


def only(**limit: object) -> Limits:
    """No limit but this."""
    return replace(NO_LIMITS, **limit)  # type: ignore[arg-type]


def gates(outcome: Outcome) -> list[str]:
    """What the notes say of gates, bounds, kills and halts."""
    words = ("gate refused", "by a bound", "Killed", "Halted")
    return [note for note in outcome.notes if any(word in note for word in words)]


def rows(outcome: Outcome) -> list[tuple[str, int]]:
    """Symbol and bar of every entry."""
    return sorted((one.symbol[:3], (one.entry_at_ms - START_MS) // BAR_MS) for one in outcome.trades)


def test_without_limits_no_gate_binds_and_exact_is_fast(tmp_path: Path) -> None:
    ground = Ground("15m", {"AAAUSDT": losing(20)}, strategy_paths=(scripted(tmp_path),))
    plan = Plan("scripted", rules=RULES_PLAIN)
    exact = run_exact(plan, ground)
    assert len(exact.trades) == 20
    assert gates(exact) == []
    assert unlike(exact, run_fast(plan, ground)) == []


def test_cooldown(tmp_path: Path) -> None:
    """A loss in bar 4; the next signal closes two bars later; four bars of rest leave out one signal of two."""
    outcome = run(tmp_path, only(cooldown_bars=4), losing(4))
    assert rows(outcome) == [("AAA", 4), ("AAA", 10)]
    assert gates(outcome) == ["cooldown 2: entries that a gate refused."]


def test_daily_loss(tmp_path: Path) -> None:
    """0.25 % of 10,000 are 25: three losses of 10 break it; the next day trades again."""
    outcome = run(tmp_path, only(daily_loss_percent=Decimal("0.25")), losing(60))
    days = [one.entry_at_ms // DAY_MS - START_MS // DAY_MS for one in outcome.trades]
    assert max(np.bincount(days)) == 3
    assert set(days) == {0, 1, 2}
    assert gates(outcome) == [f"daily loss {60 - len(days)}: entries that a gate refused."]


def test_drawdown(tmp_path: Path) -> None:
    """0.25 % from the high: after three losses of 10 the account is halted for good."""
    outcome = run(tmp_path, only(drawdown_percent=Decimal("0.25")), losing(6))
    assert len(outcome.trades) == 3
    first, second = gates(outcome)
    assert first == "symbol 3: entries that a gate refused."
    assert second.startswith("Halted, and lifted by nobody: all symbols DRAWDOWN ")
    assert "0.30 % from 10000.00 USDT, limit 0.25 %" in second


def test_positions_in_all_and_in_one_direction(tmp_path: Path) -> None:
    """Three symbols at once: two may; of two longs and a short, one long and the short."""
    names = ("AAAUSDT", "BBBUSDT", "CCCUSDT")
    longs = [market(LONG, symbol=name) for name in names]
    outcome = run(tmp_path / "all", only(max_positions=2), *longs)
    assert rows(outcome) == [("AAA", 4), ("BBB", 4)]
    assert gates(outcome) == ["positions 1: entries that a gate refused."]
    mixed = [*longs[:2], market(SHORT, symbol=names[2])]
    outcome = run(tmp_path / "side", only(max_same_direction=1), *mixed)
    assert rows(outcome) == [("AAA", 4), ("CCC", 4)]
    assert gates(outcome) == ["same direction 1: entries that a gate refused."]


def test_exposure_of_a_symbol_and_in_all(tmp_path: Path) -> None:
    """0.05 x equity are 500 of the 1000 asked for; 0.1 x in all are one position, nothing is left for the next."""
    outcome = run(tmp_path / "own", only(exposure_per_symbol=Decimal("0.05")), market(LONG))
    assert [one.quantity for one in outcome.trades] == [5]
    assert gates(outcome) == ["exposure limit 1: entries made smaller by a bound."]
    both = market(LONG), market(LONG, symbol="BBBUSDT", later=1)
    outcome = run(tmp_path / "all", only(exposure_total=Decimal("0.1")), *both)
    assert rows(outcome) == [("AAA", 4)]
    assert gates(outcome) == ["minimum notional (exposure limit) 1: entries that a gate refused."]


def test_trades_per_day(tmp_path: Path) -> None:
    """Three a day over all symbols; the day begins with bar 7."""
    outcome = run(tmp_path, only(max_trades_per_day=3), losing(3), losing(3, "BBBUSDT"))
    assert rows(outcome) == [("AAA", 4), ("AAA", 7), ("AAA", 10), ("BBB", 4), ("BBB", 7)]
    assert gates(outcome) == ["trades per day 1: entries that a gate refused."]


def test_trades_per_day_counts_what_is_on_its_way(tmp_path: Path) -> None:
    """Two signals of the same close, one trade a day."""
    outcome = run(tmp_path, only(max_trades_per_day=1), losing(1), losing(1, "BBBUSDT"))
    assert rows(outcome) == [("AAA", 4)]
    assert gates(outcome) == ["trades per day 1: entries that a gate refused."]


def test_funding_window(tmp_path: Path) -> None:
    """A settlement at the close of bar 8: a window of half an hour leaves out the signals that close at 7 and 6."""
    settled = START_MS + 9 * BAR_MS
    rates = {"AAAUSDT": Points(np.array([settled]), np.array([0.0]))}
    said = [market(*[CALM] * calm, LONG) for calm in range(6)]
    limits = only(funding_window_minutes=30)
    found = [rows(run(tmp_path / f"{n}", limits, one, funding=rates)) for n, one in enumerate(said)]
    assert found == [[("AAA", 4)], [("AAA", 5)], [("AAA", 6)], [("AAA", 7)], [], [("AAA", 9)]]
    refused = run(tmp_path / "told", limits, said[4], funding=rates)
    assert gates(refused) == ["funding window 1: entries that a gate refused."]
    without = run(tmp_path / "none", limits, said[4])
    assert rows(without) == [("AAA", 8)]
    assert "No funding times were given: funding_window_minutes does not count." in without.notes


@pytest.mark.parametrize(
    "limit, kind, figures",
    [
        ({"min_balance": Decimal(9_975)}, "LOW_BALANCE", "wallet 9970.00 USDT, minimum 9975"),
        ({"consecutive_losses": 3}, "LOSSES", "3 losses running over all symbols"),
    ],
)
def test_halts_of_the_whole_account(
    limit: dict[str, object], kind: str, figures: str, tmp_path: Path
) -> None:
    """Three losses, and neither symbol trades any more."""
    outcome = run(tmp_path, only(**limit), losing(6), market(LONG, symbol="BBBUSDT", later=12))
    assert rows(outcome) == [("AAA", 4), ("AAA", 7), ("AAA", 10)]
    first, second = gates(outcome)
    assert first == "symbol 4: entries that a gate refused."
    assert second.startswith(f"Halted, and lifted by nobody: all symbols {kind} ")
    assert second.endswith(f"({figures}).")


@pytest.mark.parametrize(
    "limit, kind, figures",
    [
        ({"kill_losing_run": 3}, "FAST", "3 losses running, limit 3"),
        (
            {"kill_trades": 3, "kill_profit_factor": Decimal("0.5")},
            "SLOW",
            "profit factor 0.00 of the last 3 trades, limit 0.5",
        ),
    ],
)
def test_kill_switches_take_one_symbol_out(
    limit: dict[str, object], kind: str, figures: str, tmp_path: Path
) -> None:
    """Three losses kill the symbol, the other goes on."""
    outcome = run(tmp_path, only(**limit), losing(6), market(LONG, symbol="BBBUSDT", later=12))
    assert rows(outcome) == [("AAA", 4), ("AAA", 7), ("AAA", 10), ("BBB", 16)]
    first, second = gates(outcome)
    assert first == "symbol 3: entries that a gate refused."
    assert second.startswith(f"Killed, and no entries from then on: AAAUSDT {kind} ")
    assert second.endswith(f"({figures}).")


def venue(**rules: object) -> dict[str, Instrument]:
    """The symbol as a venue has it: leverage up to 10, up to a notional of 5000."""
    free = free_instrument("AAAUSDT")
    brackets = (Bracket(Decimal(5_000), 10, Decimal("0.01"), Decimal(0)),)
    return {"AAAUSDT": replace(free, brackets=brackets, **rules)}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "rules, note",
    [
        ({"price_tick": Decimal("0.6")}, "stop distance 1: entries that a gate refused."),
        ({"min_notional": Decimal(1_001)}, "minimum notional 1: entries that a gate refused."),
        (
            {"min_quantity": Decimal(11)},
            "minimum notional (fixed_notional: below minimum quantity 11) 1: entries that a gate refused.",
        ),
    ],
)
def test_what_a_venue_would_not_take_is_refused(rules: dict[str, object], note: str, tmp_path: Path) -> None:
    outcome = run(tmp_path, NO_LIMITS, market(LONG), instruments=venue(**rules))
    assert (outcome.trades, gates(outcome)) == ((), [note])


@pytest.mark.parametrize(
    "rules, account, quantity, bound",
    [
        ({"max_market_quantity": Decimal(4)}, {}, 4, "maximum quantity"),
        ({}, {"sizing": Sizing(SizingMode.FIXED_NOTIONAL, Decimal(9_000))}, 50, "leverage bracket"),
        ({}, {"wallet": Decimal(100)}, 5, "free margin"),
    ],
)
def test_what_a_venue_would_not_take_whole_is_made_smaller(
    rules: dict[str, object], account: dict[str, object], quantity: int, bound: str, tmp_path: Path
) -> None:
    """Leverage is 5: a wallet of 100 carries 500."""
    outcome = run(tmp_path, NO_LIMITS, market(LONG), instruments=venue(**rules), **account)
    assert [one.quantity for one in outcome.trades] == [quantity]
    assert gates(outcome) == [f"{bound} 1: entries made smaller by a bound."]


def test_limits_that_candles_cannot_judge_are_told(tmp_path: Path) -> None:
    limits = only(max_spread_percent=Decimal("0.5"), volatility_percent=Decimal(1), auto_reduce=True)
    notes = run(tmp_path, limits, market(LONG)).notes
    assert "Candles hold no quotes: max_spread_percent and volatility_percent do not count." in notes
    assert "Without instruments nothing comes near its liquidation: auto_reduce does not count." in notes
    alike = only(max_same_cluster=1, exposure_per_cluster=Decimal(1))
    said = "Symbols of a backtest are in no clusters: max_same_cluster and exposure_per_cluster do not count."
    assert said in run(tmp_path / "alike", alike, market(LONG)).notes
    usual = run(tmp_path / "usual", Limits(), market(LONG)).notes
    assert "Candles hold no quotes: max_spread_percent does not count." in usual


SHOWN_HERE = {
    "cooldown", "daily loss", "symbol", "positions", "same direction", "minimum notional", "trades per day",
    "funding window", "stop distance",
}  # fmt: skip
ELSEWHERE = {
    "trading": "an operator's state",
    "data": "candles of a history are never late",
    "strategy": "only signals with a side are asked for",
    "model": "no model serves a backtest",
    "drawdown": "its halt stands before it",
    "same cluster": "a history is in no clusters",
    "same symbol": "the rules of a backtest, not a limit",
    "exposure": "sizing keeps within it",
    "spread": "candles hold no quotes",
    "free margin": "sizing keeps within it, the halt for a low balance stands before it",
}


def test_every_gate_is_shown_or_named() -> None:
    assert {rule.NAME for rule in RULES} == SHOWN_HERE | set(ELSEWHERE)
