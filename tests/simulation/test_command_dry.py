"""/dry: every call to the venue in order, those after the fills too; the live engine is as it was, to the byte."""

import pickle
from typing import Any

import pytest
from desk_story import LONG, SHORT, D, Desk, Quiet

from bot.domain.action import Cancel, QueryOrder, SetLeverage, Submit, TakeSnapshot
from bot.domain.command import (
    ChangeLeverage,
    CloseAll,
    ClosePosition,
    Command,
    MoveStop,
    MoveTarget,
    OpenPosition,
    PanicClose,
    Pause,
    Reconcile,
    SetParameter,
    StopTrading,
)
from bot.engine import reading
from bot.runtime.perform import deeds_of
from bot.runtime.rehearsal import call_of, rehearse

COMMANDS = [
    PanicClose(),
    PanicClose("AAA"),
    CloseAll(),
    ClosePosition("AAA"),
    ClosePosition("AAA", D(40)),
    MoveStop("AAA", D(96)),
    MoveTarget("BBB", D(91)),
    MoveTarget("BBB", None),
    OpenPosition("CCC", LONG),
    OpenPosition("AAA", LONG),
    ChangeLeverage("CCC", 20),
    Reconcile(),
    StopTrading(),
    Pause("AAA"),
    SetParameter("AAA", "x", 2),
]


def whole(desk: Desk) -> tuple[Any, ...]:
    """Everything of the engine, as text and as bytes."""
    state = desk.state
    return (
        reading.dump(state),
        pickle.dumps(state),
        dict(desk.venue.engine.overrides),
        dict(desk.script.strategies),
    )


def house() -> Desk:
    desk = Desk("AAA", "BBB", "CCC", slippage_rate=D(0))
    desk.says("CCC", LONG, stop=95, target=110)
    desk.state.symbols["CCC"].paused = True
    desk.says("AAA", LONG, stop=95, target=110).enter("BBB", SHORT, stop=105, target=90)
    desk.state.symbols["CCC"].paused = False
    for name in desk.names:
        desk.script.strategies[name] = Quiet({"x": 1})
    return desk


@pytest.mark.parametrize("command", COMMANDS, ids=repr)
def test_it_lists_what_the_command_then_does_and_does_nothing(command: Command) -> None:
    desk = house()
    before, actions, resting = whole(desk), len(desk.actions), desk.matching.orders()
    told = rehearse(desk.venue.engine, command, "test:1", desk.venue.now_ms)
    assert whole(desk) == before
    assert (len(desk.actions), desk.matching.orders()) == (actions, resting)
    steps = len(desk.venue.steps)
    desk.ask(command)
    desk.wait(60_000)
    done = [d for step in desk.venue.steps[steps:] for d in deeds_of(step.actions)]
    calls = [d for d in done if isinstance(d, Submit | Cancel | QueryOrder | SetLeverage | TakeSnapshot)]
    assert list(told) == [call_of(desk.state, deed) for deed in calls]


def test_the_words_of_a_panic() -> None:
    desk = house()
    told = rehearse(desk.venue.engine, PanicClose(), "test:1", desk.venue.now_ms)
    assert [(call.what, call.symbol, call.words) for call in told] == [
        ("submit", "AAA", "close: SELL MARKET 10, reduce-only"),
        ("submit", "BBB", "close: BUY MARKET 10, reduce-only"),
        ("snapshot", "", "ask what exists: wallet, positions, orders, fills"),
        ("snapshot", "", "ask what exists: wallet, positions, orders, fills"),
        ("cancel", "AAA", "cancel the stop: SELL STOP_MARKET whole position, at 95.00"),
        ("cancel", "AAA", "cancel the target: SELL TAKE_PROFIT_MARKET whole position, at 110.00"),
        ("cancel", "BBB", "cancel the stop: BUY STOP_MARKET whole position, at 105.00"),
        ("cancel", "BBB", "cancel the target: BUY TAKE_PROFIT_MARKET whole position, at 90.00"),
    ]


def test_nothing_is_asked_for_what_is_refused() -> None:
    desk = house()
    assert rehearse(desk.venue.engine, ClosePosition("CCC"), "test:1", desk.venue.now_ms) == ()
    assert rehearse(desk.venue.engine, StopTrading(), "test:1", desk.venue.now_ms) == ()
