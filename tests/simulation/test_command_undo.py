"""/undo: what a change set is taken back where it is still in force, as a change of its own; refused otherwise."""

from dataclasses import replace

import pytest
from desk_story import LONG, D, Desk, build_quiet
from recovered import Memory

from bot.domain.action import PLACES, RecordSetting
from bot.domain.command import (
    Change,
    ChangeLeverage,
    Command,
    Done,
    PanicClose,
    ParameterStep,
    Pause,
    Resume,
    SetLimit,
    SetParameter,
    SetParameters,
    SetReentry,
    SetSizing,
    UndoSetting,
)
from bot.domain.errors import ConfigError
from bot.domain.guard import Sizing, SizingMode
from bot.domain.refusal import Refused
from bot.engine import reading
from bot.engine.views import SettingPreview
from bot.runtime import rehearsal
from bot.runtime.trading_desk import changes_of
from bot.strategy import Strategy

RISK = Sizing(SizingMode.RISK_USD, D(20))
MORE = Sizing(SizingMode.RISK_USD, D(30))


def history(desk: Desk) -> list[RecordSetting]:
    """Settings as the ledger would list them, newest first."""
    found = [
        replace(action, place=step.number * PLACES + index)
        for step in desk.venue.steps
        for index, action in enumerate(step.actions)
        if isinstance(action, RecordSetting) and action.key != "equity_high"
    ]
    return found[::-1]


def undo(desk: Desk, wanted: int = 0) -> UndoSetting:
    """Of the newest change, or of the one so many before it."""
    rows = history(desk)
    return UndoSetting(rows[wanted].id, changes_of(rows, rows[wanted].id))


COMMANDS: list[tuple[Command, Command]] = [
    (SetSizing(RISK), SetSizing(MORE)),
    (SetLimit("max_positions", D(7)), SetLimit("max_positions", D(8))),
    (SetLimit("daily_loss_percent", D("1.5")), SetLimit("daily_loss_percent", D(2))),
    (SetLimit("base_balance", D(500)), SetLimit("base_balance", D(600))),
    (SetParameter("XYZ", "period", 9), SetParameter("XYZ", "period", 10)),
    (SetParameter("XYZ", "name", "a"), SetParameter("XYZ", "name", "b")),
    (SetReentry("XYZ", False), SetReentry("XYZ", True)),
    (Pause("XYZ"), Resume("XYZ")),
    (ChangeLeverage("XYZ", 20), ChangeLeverage("XYZ", 5)),
]


def desk_with_parameters() -> Desk:
    desk = Desk()
    symbols = tuple(replace(s, parameters=(("period", 14), ("name", "z"))) for s in desk.settings.symbols)
    desk.settings = replace(desk.settings, symbols=symbols)
    desk.restart(Memory(desk.venue.steps).recovered())
    return desk


def picture(desk: Desk) -> tuple[object, ...]:
    return (
        reading.dump(desk.state),
        {s.symbol: s.leverage for s in desk.state.symbols.values()},
        desk.script.strategy("XYZ").parameters.get("period", 14),
        desk.script.strategy("XYZ").parameters.get("name", "z"),
    )


@pytest.mark.parametrize("first, second", COMMANDS, ids=lambda c: repr(c)[:30])
def test_every_kind_of_change_can_be_taken_back(first: Command, second: Command) -> None:
    desk = desk_with_parameters()
    begin = picture(desk)
    done = desk.ask(first)
    assert isinstance(done, Done)
    after_first = picture(desk)
    assert after_first != begin
    assert isinstance(desk.ask(second), Done)
    back = desk.ask(undo(desk))
    assert isinstance(back, Done), back
    assert back.changes
    assert picture(desk) == after_first
    assert history(desk)[0].actor == "test:1"
    desk.restart(Memory(desk.venue.steps).recovered())
    assert picture(desk)[1:] == after_first[1:]
    again = desk.ask(undo(desk))  # the way back is a change too
    assert isinstance(again, Done)
    assert isinstance(desk.ask(undo(desk)), Done)
    assert picture(desk)[1:] == after_first[1:]


@pytest.mark.parametrize("first, second", COMMANDS, ids=lambda c: repr(c)[:30])
def test_what_has_changed_since_is_refused_and_touches_nothing(first: Command, second: Command) -> None:
    desk = desk_with_parameters()
    desk.ask(first)
    wanted = undo(desk)
    desk.ask(second)
    before = picture(desk)
    answer = desk.ask(wanted)
    assert isinstance(answer, Refused)
    assert answer.rule == "undo"
    assert f"change {wanted.id}" in answer.figures
    assert picture(desk) == before


@pytest.mark.parametrize(
    "command", [first for first, _ in COMMANDS if not isinstance(first, SetLimit) or first.name != "base_balance"],
    ids=lambda c: repr(c)[:30],
)  # fmt: skip
def test_the_first_change_goes_back_to_the_configuration(command: Command) -> None:
    desk = desk_with_parameters()
    begin = picture(desk)
    desk.ask(command)
    assert isinstance(desk.ask(undo(desk)), Done)
    assert picture(desk) == begin
    desk.restart(Memory(desk.venue.steps).recovered())
    assert picture(desk)[1:] == begin[1:]


def test_another_limit_changed_since_does_not_matter() -> None:
    desk = Desk()
    desk.ask(SetLimit("max_positions", D(7)))
    first = undo(desk)
    desk.ask(SetLimit("cooldown_bars", D(3)))
    assert desk.ask(first) == Done((Change("max_positions", "7", "3"),))
    assert (desk.state.limits.max_positions, desk.state.limits.cooldown_bars) == (3, 3)


def test_for_all_symbols_it_is_one_change() -> None:
    desk = Desk("AAA", "BBB")
    desk.ask(SetParameter("", "period", 9))
    desk.ask(SetParameter("", "period", 10))
    answer = desk.ask(undo(desk))
    assert isinstance(answer, Done)
    assert [(c.name, c.after) for c in answer.changes] == [("period of AAA", "9"), ("period of BBB", "9")]


def test_unknown_changes_and_the_engines_own_are_refused() -> None:
    desk = Desk()
    assert desk.ask(UndoSetting(99)) == Refused("undo", "there is no change 99 of settings")
    assert isinstance(desk.ask(undo(desk, -1)), Refused), "the first start's base balance"


def test_the_pause_of_a_panic_under_way_stays() -> None:
    from bot.venues.matching import Refusal

    desk = Desk()
    desk.enter("XYZ", LONG, stop=95)
    desk.venue.misbehave = lambda r: (
        Refusal("-1008", "overload") if r.exits and not r.close_position else None
    )
    desk.ask(PanicClose("XYZ"))
    paused = next(i for i, row in enumerate(history(desk)) if row.key == "paused:XYZ")
    assert isinstance(desk.ask(undo(desk, paused)), Refused)
    assert desk.of().paused


def test_a_preview_says_what_trades_become_and_changes_nothing() -> None:
    desk = Desk("XYZ", "ABC")
    desk.enter("XYZ", LONG, stop=95)
    before = reading.dump(desk.state)
    engine, now = desk.venue.engine, desk.venue.now_ms
    shown = rehearsal.setting(engine, SetSizing(RISK), "test:1", now)
    assert isinstance(shown, SettingPreview)
    assert shown.changes == (Change("sizing", "notional 1000 USDT a trade", "risk 20 USDT a trade"),)
    assert shown.size_before is not None
    assert shown.size_after is not None
    assert (shown.size_before.notional, shown.size_after.binding) == (1000, "risk_usd")
    assert shown.remarks == ("open trades stay as they are: XYZ",)
    lever = rehearsal.setting(engine, ChangeLeverage("XYZ", 11), "test:1", now)
    assert isinstance(lever, SettingPreview)
    assert lever.remarks == ("open trade XYZ: margin 100.00 at 10x becomes 90.91 at 11x",)
    tight = rehearsal.setting(engine, SetLimit("min_balance", D(20_000)), "test:1", now)
    assert isinstance(tight, SettingPreview)
    assert any("LOW_BALANCE" in remark for remark in tight.remarks)
    assert isinstance(rehearsal.setting(engine, SetLimit("nope", D(1)), "test:1", now), Refused)
    assert reading.dump(desk.state) == before


def steps(desk: Desk, *values: tuple[str, object, object]) -> SetParameters:
    return SetParameters(tuple(ParameterStep("XYZ", *one) for one in values))  # type: ignore[arg-type]


def test_a_set_of_parameters_is_one_change_and_goes_back_as_one() -> None:
    desk = desk_with_parameters()
    begin = picture(desk)
    desk.script.strategies["XYZ"] = build_quiet("XYZ", {"period": 14, "name": "z"})
    done = desk.ask(steps(desk, ("period", 14, 9), ("name", "z", "a")))
    assert done == Done((Change("period of XYZ", "14", "9"), Change("name of XYZ", "z", "a")))
    assert len({row.id for row in history(desk)[:2]}) == 1
    back = desk.ask(undo(desk))
    assert isinstance(back, Done)
    assert [(one.before, one.after) for one in back.changes] == [("9", "14"), ("a", "z")]
    assert picture(desk) == begin


def test_a_set_is_refused_whole_when_one_of_it_has_moved() -> None:
    desk = desk_with_parameters()
    desk.ask(SetParameter("XYZ", "period", 14))
    desk.ask(SetParameter("XYZ", "name", "b"))
    before = picture(desk)
    answer = desk.ask(steps(desk, ("period", 14, 9), ("name", "z", "a")))
    assert answer == Refused("parameter", "name of XYZ is b now, not z; nothing was changed")
    assert picture(desk) == before
    gone = desk.ask(SetParameters((ParameterStep("GONE", "period", 14, 9),)))
    assert gone == Refused("symbol", "GONE is not traded; nothing was changed")
    infinite = desk.ask(steps(desk, ("period", 14, float("inf"))))
    assert infinite == Refused("value", "inf is no figure; nothing was changed")
    assert picture(desk) == before


def test_a_set_that_no_strategy_can_be_made_of_changes_nothing() -> None:
    desk = desk_with_parameters()
    desk.ask(SetParameter("XYZ", "period", 14))
    before = picture(desk)

    def never(symbol: str, overrides: dict[str, object]) -> Strategy:
        raise ConfigError("quiet: cannot be built for XYZ (ValueError)")

    engine = desk.venue.engine
    engine._strategies = replace(engine._strategies, build=never)  # type: ignore[arg-type]
    answer = desk.ask(steps(desk, ("period", 14, 9)))
    assert answer == Refused("parameter", "quiet: cannot be built for XYZ (ValueError); nothing was changed")
    assert picture(desk) == before
