"""Positions that are not ours: adopted, given a stop, closed or left alone by a person's word."""

from dataclasses import replace

import pytest
from desk_story import BUY, LONG, SELL, SHORT, D, Desk
from recovered import Memory

from bot.domain.command import (
    Adopt,
    AttachStop,
    ClosePosition,
    Command,
    Done,
    Ignore,
    OpenPosition,
    Reconcile,
    StartTrading,
)
from bot.domain.guard import HaltKind, TradingState
from bot.domain.notice import NoticeKind, Severity
from bot.domain.refusal import Refused
from bot.engine import hands
from bot.engine.views import DifferenceView


def theirs(side: object = BUY) -> Desk:
    """A person holds 3 at 100; nothing of ours rests."""
    desk = Desk()
    desk.bar()
    desk.person("XYZ", side, 3)
    return desk


def choices(desk: Desk) -> list[tuple[str, ...]]:
    return [view.choices for view in hands.views(desk.state)]


def test_it_is_shown_with_its_choices() -> None:
    desk = theirs()
    assert hands.views(desk.state) == (
        DifferenceView(
            desk.venue.now_ms,
            "XYZ",
            "position not ours",
            "none",
            "LONG 3 at 100.00",
            "left without a stop of ours, no entries here",
            ("adopt", "close", "stop", "ignore"),
        ),
    )


@pytest.mark.parametrize("side, stop", [(BUY, "95"), (SELL, "105")])
def test_adopted_it_has_a_stop_and_entries_are_allowed_again(side: object, stop: str) -> None:
    desk = theirs(side)
    answer = desk.ask(Adopt("XYZ"))
    assert isinstance(answer, Done)
    assert desk.resting() == {"stop": stop}
    assert [h.kind for h in desk.state.halts] == []
    assert choices(desk) == []
    assert desk.of().plan is not None
    assert (desk.of().plan.strategy, desk.of().plan.foreign, desk.of().plan.risk) == ("foreign", False, 15)
    assert isinstance(desk.ask(Adopt("XYZ")), Refused)
    desk.restart(Memory(desk.venue.steps).recovered())
    assert desk.resting() == {"stop": stop}
    desk.bar(XYZ=(100, 106, 94, 100))
    assert desk.size() == 0


def test_adopted_by_the_strategys_distance_where_there_is_one() -> None:
    desk = Desk()
    desk.enter("XYZ", LONG, stop=97, target=110)
    desk.ask(ClosePosition("XYZ"))
    desk.person("XYZ", SELL, 3)
    desk.ask(Adopt("XYZ"))
    assert desk.resting() == {"stop": "103"}


def test_a_stop_alone_protects_and_leaves_the_halt() -> None:
    desk = theirs()
    assert isinstance(desk.ask(AttachStop("XYZ", D(101))), Refused), "on the wrong side of the mark"
    assert isinstance(desk.ask(AttachStop("XYZ", D("92.5"))), Done)
    assert desk.resting() == {"stop": "92.5"}
    assert [h.kind for h in desk.state.halts] == [HaltKind.FOREIGN]
    answer = desk.ask(AttachStop("XYZ"))
    assert isinstance(answer, Refused)
    assert "92.50" in answer.figures
    assert isinstance(desk.ask(AttachStop("XYZ", D(93))), Done)
    assert desk.resting() == {"stop": "93"}


def test_closed_by_a_persons_word() -> None:
    desk = theirs()
    answer = desk.ask(ClosePosition("XYZ"))
    assert isinstance(answer, Done)
    assert [r.done for r in answer.receipts] == [3]
    assert desk.size() == 0
    assert choices(desk) == []


def test_left_alone_until_it_changes_over_a_restart_too() -> None:
    desk = theirs()
    assert isinstance(desk.ask(Ignore("XYZ")), Done)
    assert choices(desk) == []
    assert desk.resting() == {}
    desk.restart(Memory(desk.venue.steps).recovered())
    assert (choices(desk), desk.state.ignored) == ([], {"XYZ": 3})
    assert isinstance(desk.ask(OpenPosition("XYZ", LONG)), Refused)
    desk.says("XYZ", LONG, stop=95).bar()
    assert desk.refusals()[-1] == "symbol"
    told = len(desk.notices(NoticeKind.DIFFERENCE))
    desk.person("XYZ", SELL, 1)
    new = desk.notices(NoticeKind.DIFFERENCE)[told:]
    assert [n.title for n in new] == ["XYZ: the position that was left alone has changed from 3 to 2"]
    assert new[0].severity is Severity.CRITICAL
    assert choices(desk) == [("adopt", "close", "stop", "ignore")]
    desk.restart(Memory(desk.venue.steps).recovered())
    assert desk.state.ignored == {}


def test_a_change_while_nobody_ran_is_seen_by_the_next_start() -> None:
    desk = theirs()
    desk.ask(Ignore("XYZ"))
    recovered = Memory(desk.venue.steps).recovered()
    desk.sane = False
    desk.venue.dropped = 10
    desk.person("XYZ", BUY, 2)
    desk.venue.dropped = 0
    desk.restart(recovered)
    desk.bar()
    assert desk.state.ignored == {}
    assert choices(desk)[-1] == ("adopt", "close", "stop", "ignore")


@pytest.mark.parametrize("command", [Adopt("XYZ"), Ignore("XYZ"), AttachStop("XYZ")])
def test_our_own_positions_and_none_are_refused(command: Command) -> None:
    desk = Desk()
    assert isinstance(desk.ask(command), Refused)
    desk.enter("XYZ", LONG, stop=95, target=110)
    answer = desk.ask(command)
    assert isinstance(answer, Refused)
    assert "95.00" in answer.figures
    assert desk.resting() == {"stop": "95", "target": "110"}
    assert isinstance(desk.ask(replace(command, symbol="NOPE")), Refused)


def test_the_last_comparison_is_shown_until_the_next() -> None:
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.sane = False
    desk.venue.dropped = 10
    desk.person("XYZ", SELL, 4)
    desk.venue.dropped = 0
    desk.matching._account.wallet += 7
    desk.ask(Reconcile())
    found = hands.views(desk.state)
    assert [(v.kind, v.choices) for v in found] == [("wallet", ())]
    desk.ask(Reconcile())
    assert hands.views(desk.state) == ()


def test_adopting_does_not_lift_what_a_start_could_not_explain() -> None:
    """PROTECT stays until a person starts trading."""
    desk = theirs()
    desk.state.protect = True
    answer = desk.ask(Adopt("XYZ"))
    assert isinstance(answer, Done)
    assert answer.remarks == ("no entries until /start_trading",)
    assert desk.state.trading is TradingState.PROTECT
    desk.ask(StartTrading())
    assert desk.state.trading is TradingState.ACTIVE
    desk.enter("XYZ", SHORT, stop=105)
    assert desk.size() == 3, "a person's position is not turned around"
