"""Every gate of an entry, found by walking its folder: one case that passes, one that does not, with exact figures."""

from copy import deepcopy
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from desk_story import LONG, SHORT, START_MS, D, instrument

from bot.domain.guard import Halt, HaltKind, Kill, KillKind, Limits, TradingState
from bot.domain.market import MINUTE_MS
from bot.domain.model import ModelScore
from bot.domain.order import Approved, Intent, OrderSide, OrderType, Purpose
from bot.domain.position import Position
from bot.domain.refusal import Passed, Refused
from bot.domain.signal import GateCheck, Hold, Signal
from bot.domain.snapshot import DayFigures
from bot.risk import rules
from bot.risk.approval import RULES, Rule, approve_entry, approve_exit, check_entry
from bot.risk.book import Candidate, Exposure, Judged, RiskBook, Sized, SymbolGuards

FILES = sorted(path.stem for path in Path(rules.__path__[0]).glob("*.py") if path.stem != "__init__")
# The order of 10-engine.md; the stop's distance follows the strategy's word, trades per day the day's loss.
ORDER = [
    "trading", "symbol", "data", "strategy", "stop distance", "model", "cooldown", "daily loss", "trades per day",
    "drawdown", "positions", "same direction", "same cluster", "same symbol", "exposure", "funding window", "spread",
    "free margin", "minimum notional",
]  # fmt: skip

SIGNAL = Signal("XYZ", "quiet", START_MS, LONG, 5.0, reference_price=100.0, stop_price=95.0)
SIZED = Sized(D(10), D(1000), D(100), D(50), "fixed_notional")
GUARDS = SymbolGuards(
    paused=False,
    kill=None,
    halts=(),
    cooldown_bars_left=0,
    unsettled_orders=0,
    next_funding_at_ms=0,
    spread_percent=None,
)
KILLED = Kill("XYZ", KillKind.FAST, START_MS, "8 losses running, limit 8")
HALTED = Halt("", HaltKind.VOLATILITY, START_MS, 0, "moved 7.00 %, limit 5 %")


def exposure(symbol: str, side: Any = LONG, notional: int = 1000) -> Exposure:
    return Exposure(symbol, side, D(notional))


def candidate(**changes: Any) -> Candidate:
    """A long of 10 XYZ at 100, margin 100."""
    return replace(Candidate(SIGNAL, LONG, instrument("XYZ"), SIZED, 10), **changes)


def judged(score: float | None, *, counts: bool = True, unscored_pass: bool = False, **said: Any) -> Judged:
    """What a model says of XYZ, beside a threshold of 0.6."""
    return Judged(ModelScore("XYZ", score, **said), 0.6, counts, unscored_pass)


def book(*, guards: Any = None, limits: Any = None, day: Any = None, **changes: Any) -> RiskBook:
    """An account of 10,000 on which nothing has happened yet today."""
    plain = RiskBook(
        at_ms=START_MS,
        trading=TradingState.ACTIVE,
        blocked="",
        limits=replace(Limits(), **(limits or {})),
        equity=D(10_000),
        wallet=D(10_000),
        available=D(10_000),
        equity_high=D(10_000),
        day=replace(DayFigures(START_MS // 86_400_000, D(10_000)), **(day or {})),
        day_pnl=D(0),
        exposures=(),
        guards=replace(GUARDS, **(guards or {})),
        max_signal_age_ms=300_000,
        max_price_age_ms=300_000,
    )
    return replace(plain, **changes)


def sized(quantity: str, notional: str, margin: str = "0") -> Sized:
    return Sized(D(quantity), D(notional), D(margin), D(0), "fixed_notional")


def held(side: Any, text: str) -> Signal:
    return replace(SIGNAL, side=side, hold=Hold("ADX", 18.3, "<", 25.0) if text else None)


def stopped(price: float, **changes: Any) -> Candidate:
    """A candidate with this stop."""
    return candidate(signal=replace(SIGNAL, stop_price=price), **changes)


PLAIN = candidate()
BY_HAND = replace(PLAIN, priced_at_ms=START_MS)
THREE = (exposure("AAA"), exposure("BBB", SHORT), exposure("CCC", SHORT))
ALIKE = (exposure("AAA", SHORT), exposure("BBB"))
CLUSTERS = {"XYZ": 2, "AAA": 2, "CCC": 2, "BBB": 1}
FEW_ALIKE: dict[str, Any] = {"limits": {"max_same_cluster": 2}}
SMALL_ALIKE: dict[str, Any] = {"limits": {"exposure_per_cluster": D("0.2")}}
WINDOW = {"limits": {"funding_window_minutes": 30}}

# rule file -> what passes and what is refused: candidate, book, figures
CASES: dict[str, list[tuple[bool, Candidate, RiskBook, str]]] = {
    "trading_state": [
        (True, PLAIN, book(), "desk is ACTIVE"),
        (False, PLAIN, book(trading=TradingState.STOPPED), "desk is STOPPED"),
        (False, PLAIN, book(trading=TradingState.RECOVERING), "desk is RECOVERING"),
        (False, PLAIN, book(blocked="the database cannot be written"), "the database cannot be written"),
    ],
    "symbol_guards": [
        (True, PLAIN, book(), "not paused, killed or halted"),
        (False, PLAIN, book(guards={"paused": True, "kill": KILLED}), "XYZ is paused"),
        (False, PLAIN, book(guards={"kill": KILLED, "halts": (HALTED,)}),
         "XYZ is killed (FAST): 8 losses running, limit 8"),
        (False, PLAIN, book(guards={"halts": (HALTED,)}), "all symbols halted (VOLATILITY): moved 7.00 %, limit 5 %"),
        (False, PLAIN, book(guards={"halts": (replace(HALTED, symbol="XYZ"),)}),
         "XYZ halted (VOLATILITY): moved 7.00 %, limit 5 %"),
    ],
    "fresh_data": [
        (True, PLAIN, book(at_ms=START_MS + 300_000), "bar closed 300.0 s ago, limit 300 s"),
        (False, PLAIN, book(at_ms=START_MS + 300_100), "stale candle: bar closed 300.1 s ago, limit 300 s"),
        (
            True,
            BY_HAND,
            book(at_ms=START_MS + 899_000, max_price_age_ms=900_000),
            "price seen 899.0 s ago, limit 900 s",
        ),
        (
            False,
            BY_HAND,
            book(at_ms=START_MS + 901_000, max_price_age_ms=900_000),
            "stale price: price seen 901.0 s ago, limit 900 s",
        ),
    ],
    "strategy_gates": [
        (True, PLAIN, book(), "quiet LONG score 5"),
        (False, candidate(signal=held(None, "ADX")), book(), "ADX 18.3 < 25"),
        (False, candidate(signal=held(None, "")), book(), "no signal"),
    ],
    "stop_distance": [
        (True, PLAIN, book(), "5 from the entry, minimum 0.02 (2 ticks)"),
        (True, stopped(99.98), book(), "0.02 from the entry, minimum 0.02 (2 ticks)"),
        (True, stopped(99.9, instrument=instrument("XYZ", price_tick=D(0))), book(),
         "0.1 from the entry, minimum 0 (2 ticks)"),
        (False, stopped(99.985), book(), "0.01 from the entry, minimum 0.02 (2 ticks)"),
        (False, stopped(99.995), book(), "0 from the entry, minimum 0.02 (2 ticks)"),
        (False, stopped(100.01, side=SHORT), book(), "0.01 from the entry, minimum 0.02 (2 ticks)"),
        (False, stopped(101.0), book(), "-1 from the entry, minimum 0.02 (2 ticks)"),
    ],
    "model": [
        (True, PLAIN, book(), "off"),
        (True, candidate(judged=judged(0.6)), book(), "score 0.600, threshold 0.600"),
        (False, candidate(judged=judged(0.5996)), book(), "score 0.5996, threshold 0.600"),
        (False, candidate(judged=judged(float("nan"))), book(), "score nan, threshold 0.600"),
        (True, candidate(judged=judged(0.1, counts=False)), book(), "score 0.100, threshold 0.600; shadow"),
        (True, candidate(judged=judged(0.1, counts=False, young="83 of 150 outcomes")), book(),
         "score 0.100, threshold 0.600; shadow: 83 of 150 outcomes"),
        (True, candidate(judged=judged(None, fault="broken", counts=False, young="83 of 150 outcomes")), book(),
         "no score: broken; shadow: 83 of 150 outcomes"),
        (True, candidate(judged=judged(None)), book(), "no model"),
        (False, candidate(judged=judged(0.5, moved=(("rsi", -0.3), ("side", 0.114)))), book(),
         "score 0.500, threshold 0.600; moved by rsi -0.30, side +0.11"),
        (False, candidate(judged=judged(None, fault="broken")), book(), "no score: broken"),
        (True, candidate(judged=judged(None, fault="broken", counts=False)), book(), "no score: broken; shadow"),
        (True, candidate(judged=judged(None, fault="broken", unscored_pass=True)), book(),
         "no score: broken; passes all the same"),
    ],
    "cooldown": [
        (True, PLAIN, book(limits={"cooldown_bars": 3}), "3 bars after a loss"),
        (False, PLAIN, book(limits={"cooldown_bars": 3}, guards={"cooldown_bars_left": 1}),
         "1 of 3 bars left after a loss"),
    ],
    "daily_loss": [
        (True, PLAIN, book(day_pnl=D("-499.99")), "day -499.99, limit -500.00 (5 %)"),
        (True, PLAIN, book(day_pnl=D(-9999), limits={"daily_loss_percent": D(0)}), "off"),
        (False, PLAIN, book(day_pnl=D(-500)), "day -500.00, limit -500.00 (5 %)"),
        (False, PLAIN, book(day_pnl=D(3), day={"breached": True}), "day +3.00, limit -500.00 (5 %)"),
    ],
    "trades_per_day": [
        (True, PLAIN, book(day={"trades": 99}), "off"),
        (True, PLAIN, book(day={"trades": 1}, limits={"max_trades_per_day": 2}), "1 of 2"),
        (False, PLAIN, book(day={"trades": 2}, limits={"max_trades_per_day": 2}), "2 of 2"),
    ],
    "drawdown": [
        (True, PLAIN, book(equity_high=D(12_499)), "19.99 % from 12499.00, limit 20 %"),
        (True, PLAIN, book(equity_high=D(99_999), limits={"drawdown_percent": D(0)}), "off"),
        (True, PLAIN, book(equity_high=D(0)), "off"),
        (False, PLAIN, book(equity_high=D(12_500)), "20.00 % from 12500.00, limit 20 %"),
    ],
    "max_positions": [
        (True, PLAIN, book(exposures=THREE[:2]), "2 of 3 taken"),
        (True, PLAIN, book(exposures=(*THREE[:2], exposure("XYZ"))), "2 of 3 taken"),
        (False, PLAIN, book(exposures=THREE), "3 of 3 taken"),
        (False, PLAIN, book(limits={"max_positions": 0}), "0 of 0 taken"),
    ],
    "same_direction": [
        (True, PLAIN, book(exposures=THREE), "1 of 2 LONG"),
        (True, candidate(side=SHORT), book(exposures=THREE[:2]), "1 of 2 SHORT"),
        (False, candidate(side=SHORT), book(exposures=THREE), "2 of 2 SHORT"),
    ],
    "same_cluster": [
        (True, PLAIN, book(exposures=ALIKE, clusters=CLUSTERS), "off"),
        (True, PLAIN, book(exposures=ALIKE, clusters={}, **FEW_ALIKE), "in no cluster"),
        (True, PLAIN, book(exposures=ALIKE, clusters=CLUSTERS, **FEW_ALIKE), "cluster 2: 1 of 2 open"),
        (True, PLAIN, book(exposures=(*ALIKE, exposure("XYZ")), clusters=CLUSTERS, **FEW_ALIKE),
         "cluster 2: 1 of 2 open"),
        (False, PLAIN, book(exposures=(*ALIKE, exposure("CCC", SHORT)), clusters=CLUSTERS, **FEW_ALIKE),
         "cluster 2: 2 of 2 open"),
        (True, PLAIN, book(exposures=ALIKE, clusters=CLUSTERS, **SMALL_ALIKE), "cluster 2: 0.20 x equity of 0.2"),
        (True, PLAIN, book(exposures=(exposure("BBB", LONG, 90_000),), clusters=CLUSTERS, **SMALL_ALIKE),
         "cluster 2: 0.10 x equity of 0.2"),
        (False, PLAIN, book(exposures=(exposure("AAA", SHORT, 1001),), clusters=CLUSTERS, **SMALL_ALIKE),
         "cluster 2: 0.2001 x equity of 0.2"),
        (False, PLAIN, book(exposures=(exposure("XYZ", LONG, 1001),), clusters=CLUSTERS, **SMALL_ALIKE),
         "cluster 2: 0.2001 x equity of 0.2"),
        (False, PLAIN, book(equity=D(0), clusters=CLUSTERS, **SMALL_ALIKE), "cluster 2: equity is 0.00"),
        (False, PLAIN, book(exposures=ALIKE, clusters=CLUSTERS,
                            limits={"max_same_cluster": 1, "exposure_per_cluster": D(1)}),
         "cluster 2: 1 of 1 open, 0.20 x equity of 1"),
    ],
    "same_symbol": [
        (True, PLAIN, book(exposures=THREE), "XYZ is flat"),
        (False, PLAIN, book(exposures=(exposure("XYZ", SHORT, 250),)), "XYZ already SHORT with 250.00"),
        (False, PLAIN, book(guards={"unsettled_orders": 1}), "1 order(s) of XYZ with unknown outcome"),
    ],
    "exposure": [
        (True, candidate(sized=sized("500", "50000")), book(), "5.00 x equity of 5, in all 5.00 x of 10"),
        (True, candidate(sized=sized("500", "50000")), book(exposures=(exposure("AAA", LONG, 50_000),)),
         "5.00 x equity of 5, in all 10.00 x of 10"),
        (False, candidate(sized=sized("500.1", "50010")), book(), "5.001 x equity of 5, in all 5.00 x of 10"),
        (False, PLAIN, book(exposures=(exposure("AAA", LONG, 99_001),)), "0.10 x equity of 5, in all 10.0001 x of 10"),
        (False, PLAIN, book(exposures=(exposure("AAA", LONG, 99_100),)), "0.10 x equity of 5, in all 10.01 x of 10"),
        (False, PLAIN, book(equity=D(0)), "equity is 0.00"),
    ],
    "funding_window": [
        (True, PLAIN, book(guards={"next_funding_at_ms": START_MS}), "off"),
        (True, PLAIN, book(**WINDOW), "off"),
        (True, PLAIN, book(**WINDOW, guards={"next_funding_at_ms": START_MS + 30 * MINUTE_MS}),
         "30 min to funding, window 30 min"),
        (True, PLAIN, book(**WINDOW, guards={"next_funding_at_ms": START_MS - MINUTE_MS}),
         "-1 min to funding, window 30 min"),
        (False, PLAIN, book(**WINDOW, guards={"next_funding_at_ms": START_MS + 29 * MINUTE_MS}),
         "29 min to funding, window 30 min"),
        (False, PLAIN, book(**WINDOW, guards={"next_funding_at_ms": START_MS}), "0 min to funding, window 30 min"),
    ],
    "spread": [
        (True, PLAIN, book(), "no quote"),
        (True, PLAIN, book(guards={"spread_percent": 0.5}), "0.500 %, limit 0.5 %"),
        (False, PLAIN, book(guards={"spread_percent": 0.51}), "0.510 %, limit 0.5 %"),
    ],
    "free_margin": [
        (True, PLAIN, book(available=D(100)), "needs 100.00 of 100.00"),
        (False, PLAIN, book(available=D("99.99")), "needs 100.00 of 99.99"),
        (False, PLAIN, book(wallet=D("9.99")), "wallet 9.99, minimum 10"),
    ],
    "minimum_notional": [
        (True, candidate(sized=sized("0.05", "5")), book(), "5.00, minimum 5 (fixed_notional)"),
        (False, candidate(sized=sized("0.049", "4.9")), book(), "4.90, minimum 5 (fixed_notional)"),
        (False, candidate(sized=sized("0", "0")), book(), "size is zero (fixed_notional)"),
    ],
}  # fmt: skip
EACH = [(name, *case) for name, cases in CASES.items() for case in cases]


def rule(name: str) -> Rule:
    return import_module(f"{rules.__name__}.{name}")  # type: ignore[return-value]


@pytest.mark.parametrize("name", FILES)
def test_a_rule_says_what_it_is(name: str) -> None:
    module = rule(name)
    assert module.__doc__
    assert module.check.__doc__
    assert module.NAME == module.NAME.lower().strip() != ""
    assert isinstance(module.ORDER, int)


def test_every_rule_is_run_in_the_specifications_order() -> None:
    assert len(FILES) == len(RULES) == len({module.ORDER for module in RULES})
    assert {id(rule(name)) for name in FILES} == {id(module) for module in RULES}
    assert [module.NAME for module in RULES] == ORDER


def test_every_rule_has_a_case_that_passes_and_one_that_does_not() -> None:
    assert sorted(CASES) == FILES
    for name, cases in CASES.items():
        assert {passes for passes, *_ in cases} == {True, False}, name


@pytest.mark.parametrize("name, passes, asked, books, figures", EACH)
def test_the_figures_that_decide(
    name: str, passes: bool, asked: Candidate, books: RiskBook, figures: str
) -> None:
    verdict = rule(name).check(asked, books)
    assert verdict == (Passed if passes else Refused)(rule(name).NAME, figures)


@pytest.mark.parametrize("name, passes, asked, books, figures", EACH)
def test_rules_are_pure(name: str, passes: bool, asked: Candidate, books: RiskBook, figures: str) -> None:
    before = deepcopy((asked, books))
    first = rule(name).check(asked, books)
    assert rule(name).check(*deepcopy(before)) == first
    assert repr((asked, books)) == repr(before)


def test_all_gates_are_recorded_when_all_pass() -> None:
    gates, refused = check_entry(PLAIN, book())
    assert refused is None
    assert [gate.gate for gate in gates] == ORDER
    assert all(gate.passed and gate.figures for gate in gates)


@pytest.mark.parametrize(
    "name, asked, books",
    [(n, asked, books) for n, passes, asked, books, _ in EACH if not passes and n != "strategy_gates"],
)
def test_a_refusal_is_recorded_and_what_follows_is_not_reached(
    name: str, asked: Candidate, books: RiskBook
) -> None:
    gates, refused = check_entry(asked, books)
    assert refused is not None
    at = ORDER.index(refused.rule)
    assert at <= ORDER.index(rule(name).NAME)
    assert [gate.passed for gate in gates] == [True] * at + [False] + [None] * (len(ORDER) - at - 1)
    assert gates[at] == GateCheck(refused.rule, False, refused.figures)


def test_the_first_of_several_refusals_counts() -> None:
    bad = book(
        limits={"max_positions": 0, "max_same_direction": 0, "cooldown_bars": 3},
        guards={"cooldown_bars_left": 2, "spread_percent": 9.0},
        available=D(0),
    )
    _, refused = check_entry(PLAIN, bad)
    assert refused == Refused("cooldown", "2 of 3 bars left after a loss")
    _, refused = check_entry(PLAIN, replace(bad, trading=TradingState.PAUSED))
    assert refused == Refused("trading", "desk is PAUSED")


ENTRY = Intent("XYZ", OrderSide.BUY, Purpose.ENTRY, OrderType.MARKET, D(10), "XYZ:1")
EXIT = replace(ENTRY, side=OrderSide.SELL, purpose=Purpose.CLOSE, reduce_only=True)
LONG_TEN = Position("XYZ", D(10), D(100))


def test_an_entry_is_approved_by_name_or_not_at_all() -> None:
    assert approve_entry(ENTRY, None) == Approved(ENTRY, "entry")
    no = Refused("spread", "0.510 %, limit 0.5 %")
    assert approve_entry(ENTRY, no) is no


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"quantity": D("0.001")},
        {"reduce_only": False, "close_position": True},
    ],
)
def test_an_exit_passes_its_own_named_rules(change: dict[str, Any]) -> None:
    intent = replace(EXIT, **change)
    assert approve_exit(intent, LONG_TEN) == Approved(intent, "exit")


@pytest.mark.parametrize(
    "change, quantity, figures",
    [
        ({}, 0, "XYZ is flat: nothing to close"),
        ({}, -10, "SELL would grow the SHORT position"),
        ({"side": OrderSide.BUY}, 10, "BUY would grow the LONG position"),
        ({"reduce_only": False}, 10, "an exit must be reduce-only"),
        ({"quantity": D("10.001")}, 10, "quantity 10.001 is not between 0 and the position's 10"),
        ({"quantity": D(0)}, 10, "quantity 0 is not between 0 and the position's 10"),
        ({"quantity": D(-1)}, 10, "quantity -1 is not between 0 and the position's 10"),
    ],
)
def test_an_exit_cannot_grow_or_turn_a_position(change: dict[str, Any], quantity: int, figures: str) -> None:
    position = Position("XYZ", D(quantity), D(100))
    assert approve_exit(replace(EXIT, **change), position) == Refused("exit", figures)
