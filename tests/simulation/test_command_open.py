"""/long and /short: the same gates as a signal, stop and target as the strategy has them, a preview without effect."""

from dataclasses import replace
from typing import Any

import pytest
from desk_story import BAR_MS, LONG, SHORT, D, Desk, Quiet

from bot.domain.command import (
    Done,
    KillNow,
    OpenPosition,
    PanicClose,
    Pause,
    SetLimit,
    SetSizing,
    StopTrading,
)
from bot.domain.event import QuotesSeen, StorageChanged, VenueLost
from bot.domain.guard import Limits, Sizing, SizingMode
from bot.domain.market import Quote
from bot.domain.notice import NoticeKind
from bot.domain.refusal import Refused
from bot.domain.signal import Side
from bot.engine import previews, reading
from bot.engine.views import OpenPreview
from bot.market import levels as market_levels
from bot.risk.approval import RULES
from bot.strategy import Columns, Frame, Levels


class Distant(Quiet):
    """Says nothing by itself; a person's entry gets a stop 4 away and a target 8 away."""

    warmup_bars = 0

    def levels(self, frame: Frame, columns: Columns, i: int, side: Side) -> Levels | None:
        return Levels(4.0, 8.0, 2.0)


@pytest.fixture(autouse=True)
def one_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """The story's signal source keeps no candles: one bar is there."""
    monkeypatch.setattr(market_levels, "len", lambda frame: 1, raising=False)


def desk(*names: str, **more: Any) -> Desk:
    found = Desk(*names, **more)
    for name in found.names:
        found.script.strategies[name] = Distant({})
    found.bar()
    return found


def preview(at: Desk, side: Side, risk: Any = None, **more: Any) -> OpenPreview | Refused:
    command = OpenPosition("XYZ", side, None if risk is None else D(risk))
    return previews.opening(at.state, at.script, command, at.venue.now_ms, **more)


@pytest.mark.parametrize("side, stop, target", [(LONG, "96", "108"), (SHORT, "104", "92")])
def test_a_person_enters_with_the_strategys_stop_and_target(side: Side, stop: str, target: str) -> None:
    house = desk()
    before = reading.dump(house.state)
    shown = preview(house, side)
    assert reading.dump(house.state) == before
    assert isinstance(shown, OpenPreview)
    answer = house.ask(OpenPosition("XYZ", side))
    assert isinstance(answer, Done)
    assert answer.decision is not None
    assert answer.decision.taken
    assert [g.gate for g in answer.decision.gates] == [r.NAME for r in RULES]
    assert all(g.passed for g in answer.decision.gates)
    assert answer.decision.gates == shown.gates
    assert house.size() == 10 * side.sign
    assert house.resting() == {"stop": stop, "target": target}
    assert (shown.stop, shown.target, shown.quantity) == (D(stop), D(target), 10)
    assert (shown.notional, shown.margin, shown.reward) == (1000, 100, 2)
    assert (shown.risk, shown.fee) == (D("40.8") + D("0.2"), D("0.8"))
    assert house.of().plan is not None
    assert house.of().plan.strategy == "manual"
    assert house.notices(NoticeKind.ENTRY)
    assert house.decisions[-1] == answer.decision


def test_risk_is_for_this_trade_alone() -> None:
    house = desk()
    shown = preview(house, LONG, "82")
    assert isinstance(shown, OpenPreview)
    assert shown.binding == "risk_usd"
    assert isinstance(house.ask(OpenPosition("XYZ", LONG, D(82))), Done)
    assert house.size() == D("20.000") == shown.quantity
    assert house.state.sizing.mode is SizingMode.FIXED_NOTIONAL
    for risk in ("0", "-1", "NaN", "Infinity"):
        assert isinstance(house.ask(OpenPosition("XYZ", LONG, D(risk))), Refused)


def test_the_smallest_order_is_just_over_the_minimum() -> None:
    house = desk()
    assert isinstance(house.ask(OpenPosition("XYZ", LONG, smallest=True)), Done)
    assert house.size() == D("0.051")


REFUSALS = {
    "stopped": (lambda h: h.ask(StopTrading()), "trading"),
    "paused": (lambda h: h.ask(Pause()), "trading"),
    "panicked": (lambda h: h.ask(PanicClose()), "trading"),
    "no database": (lambda h: h.feed(StorageChanged(h.venue.now_ms, False)), "trading"),
    "no stream": (lambda h: h.feed(VenueLost(h.venue.now_ms, "silent")), "trading"),
    "symbol paused": (lambda h: h.ask(Pause("XYZ")), "symbol"),
    "killed": (lambda h: h.ask(KillNow("XYZ")), "symbol"),
    "old price": (lambda h: h.wait(301_000), "data"),
    "no slot": (lambda h: h.ask(SetLimit("max_positions", D(0))), "positions"),
    "too small": (lambda h: h.ask(SetSizing(Sizing(SizingMode.FIXED_NOTIONAL, D(4)))), "minimum notional"),
    "held": (lambda h: h.ask(OpenPosition("XYZ", SHORT)), "same symbol"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_no_gate_is_skipped(name: str) -> None:
    house = desk()
    prepare, rule = REFUSALS[name]
    prepare(house)
    size = house.size()
    shown = preview(house, LONG)
    answer = house.ask(OpenPosition("XYZ", LONG))
    assert isinstance(answer, Refused)
    assert answer.rule == rule
    assert answer.figures
    assert isinstance(shown, OpenPreview)
    assert (shown.refused_by, shown.figures) == (answer.rule, answer.figures)
    assert house.size() == size
    assert house.decisions[-1].refused_by == rule


def test_two_in_one_bar_are_two_orders() -> None:
    house = desk()
    assert isinstance(house.ask(OpenPosition("XYZ", LONG)), Done)
    house.ask(PanicClose("XYZ"))
    house.of().paused = False
    assert isinstance(house.ask(OpenPosition("XYZ", LONG)), Done)
    assert house.size() == 10
    assert len({d.client_id for d in house.decisions}) == 2


def test_without_a_strategys_word_the_last_signals_distances_serve_in_proportion() -> None:
    house = Desk(limits=Limits(max_positions=0))
    assert house.ask(OpenPosition("XYZ", LONG)) == Refused("price", "no price of XYZ is known yet")
    house.bar()
    answer = house.ask(OpenPosition("XYZ", LONG))
    assert answer == Refused("stop", "quiet gives XYZ no stop yet: too few bars, or no figures")
    house.enter("XYZ", LONG, stop=95, target=110)
    house.bar(XYZ=200)
    shown = preview(house, SHORT)
    assert isinstance(shown, OpenPreview)
    assert (shown.stop, shown.target) == (210, 180)


def test_a_strategy_that_fails_or_talks_nonsense_gives_no_levels() -> None:
    class Bad(Distant):
        def levels(self, frame: Frame, columns: Columns, i: int, side: Side) -> Levels | None:
            raise KeyError("atr")

    class Nonsense(Distant):
        def levels(self, frame: Frame, columns: Columns, i: int, side: Side) -> Levels | None:
            return Levels(float("nan"))

    for kind in (Bad, Nonsense):
        house = desk()
        house.script.strategies["XYZ"] = kind({})
        assert isinstance(house.ask(OpenPosition("XYZ", LONG)), Refused)
        assert house.size() == 0


def test_the_preview_goes_by_the_newest_quote_and_the_price_gate_by_its_age() -> None:
    house = desk()
    house.wait(301_000)
    at_ms = house.venue.now_ms
    quote = Quote("XYZ", at_ms - 1000, 101.0, 101.02, 101.01, 101.0)
    shown = preview(house, LONG, quote=quote)
    assert isinstance(shown, OpenPreview)
    assert (shown.refused_by, shown.entry, shown.stop) == ("", D("101.01"), D("97.01"))
    assert [g.figures for g in shown.gates if g.gate == "data"] == ["price seen 1.0 s ago, limit 300 s"]
    assert house.of().last_price == 100.0
    house.matching.set_price("XYZ", 101.01)
    house.feed(QuotesSeen(at_ms, (quote,)))
    answer = house.ask(OpenPosition("XYZ", LONG))
    assert isinstance(answer, Done)
    assert answer.decision is not None
    assert answer.decision.gates == shown.gates


def test_a_manual_entry_outlives_a_crash_before_its_fill() -> None:
    """The order left, the fill was not heard: the next start books it under its own plan, and protects it."""
    from recovered import Memory

    house = desk()
    house.venue.dropped = 2
    house.sane = False
    house.ask(OpenPosition("XYZ", LONG))
    assert house.of().position.flat
    house.restart(Memory(house.venue.steps).recovered())
    assert house.size() == 10
    assert house.of().plan is not None
    assert (house.of().plan.strategy, house.of().plan.foreign) == ("manual", False)
    assert house.resting() == {"stop": "96", "target": "108"}


def test_an_opposite_signal_closes_it_like_any_position() -> None:
    house = desk()
    house.ask(OpenPosition("XYZ", LONG))
    house.of().reentry = False
    house.enter("XYZ", SHORT, stop=105, target=90)
    assert house.size() == 0


def test_the_old_rule_for_signals_still_goes_by_the_bar() -> None:
    house = desk()
    house.says("XYZ", LONG, stop=95)
    signal = house.script.said["XYZ", house.at_ms + BAR_MS]
    house.script.said["XYZ", house.at_ms + BAR_MS] = replace(signal, bar_at_ms=house.at_ms - BAR_MS)
    house.bar()
    assert house.refusals() == ["data"]
