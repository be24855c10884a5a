"""What operators ask for: states, sizing, limits, parameters; each answer says from -> to, and each is recorded."""

import json

import pytest
from desk_story import LONG, SHORT, D, Desk

from bot.domain.action import RecordSetting, RecordTrading
from bot.domain.command import (
    Change,
    Done,
    Pause,
    Reconcile,
    Resume,
    SetLimit,
    SetParameter,
    SetReentry,
    SetSizing,
    StartTrading,
    StopTrading,
)
from bot.domain.event import Stopping
from bot.domain.guard import Limits, Sizing, SizingMode, TradingState
from bot.domain.notice import NoticeKind
from bot.domain.refusal import Refused


def settings(desk: Desk) -> dict[str, object]:
    """Settings as recorded, read back."""
    return {a.key: json.loads(a.value) for a in desk.actions if isinstance(a, RecordSetting)}


def states(desk: Desk) -> list[TradingState]:
    return [a.state for a in desk.actions if isinstance(a, RecordTrading)]


def test_pause_and_resume_one_symbol() -> None:
    desk = Desk("XYZ", "ABC")
    assert desk.ask(Pause("XYZ")) == Done((Change("entries on XYZ", "allowed", "paused"),))
    desk.says("XYZ", LONG, stop=95, target=110).enter("ABC", LONG, stop=95, target=110)
    assert desk.refusals() == ["", "symbol"]
    assert desk.ask(Resume("XYZ")) == Done((Change("entries on XYZ", "paused", "allowed"),))
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert desk.refusals()[-1] == ""
    assert settings(desk)["paused:XYZ"] is False
    assert isinstance(desk.ask(Pause("NOPE")), Refused)


def test_pause_and_resume_all() -> None:
    desk = Desk()
    desk.ask(Pause())
    assert desk.state.trading is TradingState.PAUSED
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.ask(Resume())
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert desk.refusals() == ["trading", ""]
    assert states(desk)[-2:] == [TradingState.PAUSED, TradingState.ACTIVE]


def test_a_stop_outlives_a_resume() -> None:
    desk = Desk()
    assert desk.ask(StopTrading()) == Done((Change("trading", "ACTIVE", "STOPPED"),))
    answer = desk.ask(Resume())
    assert isinstance(answer, Done)
    assert answer.remarks
    assert desk.state.trading is TradingState.STOPPED
    assert states(desk)[-1] is TradingState.STOPPED
    assert desk.ask(StartTrading()) == Done((Change("trading", "STOPPED", "ACTIVE"),))
    assert states(desk)[-1] is TradingState.ACTIVE


def test_sizing_from_to_and_recorded() -> None:
    desk = Desk()
    new = Sizing(SizingMode.RISK_PERCENT, D(2))
    answer = desk.ask(SetSizing(new))
    assert answer == Done(
        (Change("sizing", "notional 1000 USDT a trade", "risk 2 % of the balance a trade"),)
    )
    assert desk.state.sizing == new
    assert settings(desk)["sizing"] == {
        "mode": "risk_percent", "value": "2", "ratio_max": "0.50", "ratio_min": "0.20", "ratio_decay": "0.0006",
    }  # fmt: skip


@pytest.mark.parametrize(
    "sizing",
    [
        Sizing(SizingMode.RISK_USD, D(0)),
        Sizing(SizingMode.RISK_USD, D(-5)),
        Sizing(SizingMode.RISK_PERCENT, D("NaN")),
        Sizing(SizingMode.RISK_PERCENT, D(101)),
        Sizing(SizingMode.MARGIN_RATIO, ratio_min=D("0.6"), ratio_max=D("0.5")),
        Sizing(SizingMode.MARGIN_RATIO, ratio_max=D("1.5")),
        Sizing(SizingMode.MARGIN_RATIO, ratio_decay=D("Infinity")),
    ],
)
def test_senseless_sizings_are_refused(sizing: Sizing) -> None:
    desk = Desk()
    assert isinstance(desk.ask(SetSizing(sizing)), Refused)
    assert desk.state.sizing.mode is SizingMode.FIXED_NOTIONAL


def test_a_limit_from_to_and_recorded() -> None:
    desk = Desk()
    assert desk.ask(SetLimit("max_positions", D(5))) == Done((Change("max_positions", "3", "5"),))
    assert desk.state.limits.max_positions == 5
    recorded = settings(desk)["limits"]
    assert isinstance(recorded, dict)
    assert (recorded["max_positions"], recorded["daily_loss_percent"]) == (5, "5")
    assert recorded.keys() == set(Limits.__slots__)


def test_the_base_balance_is_a_limit_of_its_own() -> None:
    desk = Desk()
    answer = desk.ask(SetLimit("base_balance", D(5000)))
    assert answer == Done((Change("base_balance", "10000.00", "5000.00"),))
    assert settings(desk)["base_balance"] == "5000"
    assert isinstance(desk.ask(SetLimit("base_balance", D(0))), Refused)


@pytest.mark.parametrize(
    "name, value, says",
    [
        ("max_postions", "3", "there are base_balance, daily_loss_percent"),
        ("max_positions", "2.5", "a whole number"),
        ("max_positions", "-1", "0 or more"),
        ("max_positions", "NaN", "no figure"),
        ("daily_loss_percent", "Infinity", "no figure"),
        ("count_open_loss", "7", "0 or 1"),
        ("kill_trades", "51", "at most 50"),
        ("", "1", "there are"),
    ],
)
def test_bad_limits_are_refused_with_what_is_allowed(name: str, value: str, says: str) -> None:
    desk = Desk()
    answer = desk.ask(SetLimit(name, D(value)))
    assert isinstance(answer, Refused)
    assert says in answer.figures
    assert desk.state.limits == Limits()


def test_a_parameter_rebuilds_the_strategy_of_one_symbol_or_of_all() -> None:
    desk = Desk("XYZ", "ABC")
    answer = desk.ask(SetParameter("XYZ", "period", 7))
    assert answer == Done((Change("period of XYZ", "None", "7"),))
    assert desk.script.strategies["XYZ"].parameters == {"period": 7}
    assert desk.script.strategy("ABC").parameters == {}
    desk.ask(SetParameter("", "mode", 'a "quoted" \\ word'))
    assert desk.script.strategies["XYZ"].parameters == {"period": 7, "mode": 'a "quoted" \\ word'}
    assert settings(desk)["parameter:ABC:mode"] == 'a "quoted" \\ word'
    assert isinstance(desk.ask(SetParameter("NOPE", "period", 7)), Refused)
    assert isinstance(desk.ask(SetParameter("XYZ", "period", float("nan"))), Refused)


def test_reentry_from_to() -> None:
    desk = Desk()
    assert desk.ask(SetReentry("XYZ", False)) == Done((Change("re-entry of XYZ", "on", "off"),))
    assert settings(desk)["reentry:XYZ"] is False
    assert isinstance(desk.ask(SetReentry("NOPE", False)), Refused)


def test_reconcile_says_whether_the_books_agree() -> None:
    desk = Desk()
    assert desk.ask(Reconcile()) == Done(remarks=("the books agree with the venue",))
    desk.sane = False
    desk.matching._account.wallet += 5
    answer = desk.ask(Reconcile())
    assert answer == Done(remarks=("wallet: ours 10000, venue 10005; ours follows",))
    assert desk.notices(NoticeKind.DIFFERENCE)


def test_stopping_ends_entries_and_keeps_protection() -> None:
    desk = Desk("XYZ", "ABC")
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.feed(Stopping(desk.venue.now_ms))
    desk.enter("ABC", SHORT, stop=105, target=90)
    assert desk.refusals() == ["", "trading"]
    assert desk.resting() == {"stop": "95", "target": "110"}


def test_commands_before_the_books_are_open_change_nothing_dangerous() -> None:
    from bot.domain.action import Answer
    from bot.domain.event import CommandIssued, Started
    from bot.domain.snapshot import Recovered

    engine = Desk().new_engine()
    engine.handle(Started(1, Recovered()))
    (answer,) = engine.handle(CommandIssued(2, "c1", "test:1", StartTrading()))
    assert isinstance(answer, Answer)
    assert isinstance(answer.result, Refused)
    assert engine.state.trading is TradingState.RECOVERING
