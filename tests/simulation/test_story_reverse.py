"""An opposite signal: flat first, all gates again, then the other way; or flat and nothing more."""

from dataclasses import replace

from desk_story import BAR_MS, LONG, SHORT, SMOOTH, D, Desk, text

from bot.domain.command import Pause, SetReentry, StopTrading
from bot.domain.guard import Limits
from bot.domain.order import CloseReason, Purpose


def long_at_100(**more: object) -> Desk:
    desk = Desk(**more)
    desk.enter("XYZ", LONG, stop=95, target=110)
    return desk


def test_close_and_enter_the_other_way_at_the_same_open() -> None:
    """Out at 102 (+20 - 0.4 - 0.408), in again: 1000 / 102 = 9.803 short with stop 5 above, target 10 below."""
    desk = long_at_100()
    desk.bar(XYZ=102)
    desk.says("XYZ", SHORT, stop=107, target=92).bar()
    (trade,) = desk.trades
    assert (trade.reason, text(trade.net)) == (CloseReason.REVERSE, "19.192")
    assert text(desk.size()) == "-9.803"
    assert desk.resting() == {"stop": "107", "target": "92"}


def test_everything_of_the_old_position_is_gone_before_the_new_entry_leaves() -> None:
    desk = long_at_100()
    actions = desk.enter("XYZ", SHORT, stop=105, target=90)
    entry = desk.submitted(Purpose.ENTRY, actions)[0]
    position = [type(a).__name__ for a in actions].index("RecordTrade")
    assert actions.index(next(a for a in actions if getattr(a, "order", None) is entry)) > position
    gates = desk.decisions[-1].gates
    assert gates
    assert all(gate.passed for gate in gates)


def test_without_reentry_it_ends_flat() -> None:
    desk = long_at_100()
    desk.ask(SetReentry("XYZ", False))
    desk.enter("XYZ", SHORT, stop=105, target=90)
    assert (desk.size(), desk.resting()) == (0, {})
    assert desk.trades[0].reason is CloseReason.REVERSE


def test_a_gate_that_refuses_the_other_way_leaves_it_flat() -> None:
    """The loss of the close itself counts: 1 % of 10,000 is lost before the gates are asked again."""
    desk = long_at_100(limits=Limits(daily_loss_percent=D("0.1"), count_open_loss=False))
    desk.enter("XYZ", SHORT, stop=105, target=90)
    assert desk.size() != 0
    desk = long_at_100(limits=Limits(daily_loss_percent=D("0.1"), count_open_loss=False))
    desk.bar(XYZ=98)
    desk.says("XYZ", SHORT, stop=103, target=90).bar()
    assert (desk.size(), desk.resting(), desk.refusals()) == (0, {}, ["", "daily loss"])


def test_a_stopped_desk_closes_but_does_not_enter() -> None:
    desk = long_at_100()
    desk.ask(StopTrading())
    desk.enter("XYZ", SHORT, stop=105, target=90)
    assert (desk.size(), desk.refusals()) == (0, ["", "trading"])
    desk = long_at_100()
    desk.ask(Pause("XYZ"))
    desk.enter("XYZ", SHORT, stop=105, target=90)
    assert (desk.size(), desk.refusals()) == (0, ["", "symbol"])


def test_a_signal_the_same_way_is_refused_as_held() -> None:
    desk = long_at_100()
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert desk.refusals() == ["", "same symbol"]
    assert desk.size() == 10


def test_an_entry_still_filling_is_cancelled_before_the_reversal() -> None:
    """8 of 10 are in when the opposite signal comes: the rest must not come in behind the close."""
    desk = Desk(rules=replace(SMOOTH, max_fill_quantity=D(4)), max_signal_age_ms=2 * BAR_MS)
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.enter("XYZ", SHORT, stop=105, target=90)
    assert (desk.size(), desk.of().live(Purpose.ENTRY)) == (4, [])
    desk.bars(3)
    assert (desk.size(), desk.resting()) == (-10, {"stop": "105", "target": "90"})
    assert [t.quantity for t in desk.trades] == [8]


def test_a_reversal_that_comes_too_late_is_refused_as_stale() -> None:
    """The close does not go through for longer than a signal lives: flat, but no entry on old news."""
    desk = long_at_100(max_signal_age_ms=BAR_MS // 3)
    from bot.domain.event import Outcome
    from bot.domain.order import OrderType

    desk.venue.misbehave = lambda r: (
        Outcome.NOT_DONE if r.type is OrderType.MARKET and r.reduce_only else None
    )
    desk.enter("XYZ", SHORT, stop=105, target=90)
    assert desk.size() == 10
    desk.wait(BAR_MS // 2)
    desk.venue.misbehave = lambda r: None
    desk.wait(40_000)
    assert (desk.size(), desk.refusals()) == (0, ["", "data"])
