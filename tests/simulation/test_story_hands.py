"""What a person does at the venue, past the bot: adopted, announced, never fought more than once."""

from desk_story import BUY, LONG, SELL, SHORT, D, Desk, text

from bot.domain.command import MoveStop, MoveTarget, Unhalt
from bot.domain.guard import HaltKind
from bot.domain.notice import NoticeKind, Severity
from bot.domain.order import CloseReason, OrderType
from bot.domain.refusal import Refused


def kinds(desk: Desk) -> list[HaltKind]:
    return [halt.kind for halt in desk.state.halts]


def long_at_100() -> Desk:
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=110)
    return desk


def test_a_person_closes_and_the_leftovers_go() -> None:
    """Sold at 103 by hand: +30 - 0.40 - 0.412 = 29.188."""
    desk = long_at_100()
    desk.bar(XYZ=103)
    desk.person("XYZ", SELL, 10)
    assert (desk.size(), desk.resting()) == (0, {})
    (trade,) = desk.trades
    assert (trade.reason, text(trade.net)) == (CloseReason.MANUAL, "29.188")


def test_a_person_closes_at_the_target_and_it_counts_as_the_target() -> None:
    desk = long_at_100()
    desk.bar(XYZ=109.9)
    desk.person("XYZ", SELL, 10)
    assert desk.trades[0].reason is CloseReason.TP


def test_a_person_sells_a_part() -> None:
    desk = long_at_100()
    desk.person("XYZ", SELL, 4)
    assert (desk.size(), desk.resting()) == (6, {"stop": "95", "target": "110"})
    assert desk.trades == []
    desk.bar(XYZ=(100, 111, 100, 110))
    (trade,) = desk.trades
    assert (text(trade.quantity), text(trade.gross)) == ("10", "60")


def test_a_person_opens_a_position_and_it_is_left_alone() -> None:
    desk = Desk()
    desk.person("XYZ", BUY, 3)
    assert (desk.size(), desk.resting()) == (3, {})
    assert kinds(desk) == [HaltKind.FOREIGN]
    assert desk.notices(NoticeKind.DIFFERENCE)[0].severity is Severity.CRITICAL
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert desk.refusals() == ["symbol"]
    assert desk.size() == 3


def test_an_opposite_signal_does_not_close_a_persons_position() -> None:
    desk = Desk()
    desk.person("XYZ", BUY, 3)
    desk.enter("XYZ", SHORT, stop=105, target=90)
    assert desk.size() == 3
    desk.ask(Unhalt("XYZ"))
    desk.enter("XYZ", SHORT, stop=105, target=90)
    assert desk.size() == 3
    assert desk.refusals() == ["symbol", "same symbol"]


def test_a_person_closes_what_a_person_opened() -> None:
    """Bought 3 at 100, sold at 102: 6 - 0.12 - 0.1224."""
    desk = Desk()
    desk.person("XYZ", BUY, 3)
    desk.bar(XYZ=102)
    desk.person("XYZ", SELL, 3)
    (trade,) = desk.trades
    assert (trade.reason, trade.strategy, text(trade.net)) == (CloseReason.MANUAL, "foreign", "5.7576")


def test_an_operator_gives_a_foreign_position_a_stop() -> None:
    desk = Desk()
    desk.person("XYZ", BUY, 3)
    assert isinstance(desk.ask(MoveTarget("XYZ", D(110))), Refused), "first a stop, then a target"
    desk.ask(MoveStop("XYZ", D(97)))
    assert desk.resting() == {"stop": "97"}
    desk.ask(MoveTarget("XYZ", D(110)))
    assert desk.resting() == {"stop": "97", "target": "110"}
    desk.bar(XYZ=(100, 100, 96, 96))
    assert desk.trades[0].reason is CloseReason.SL


def test_a_person_adds_to_our_position_and_the_stop_covers_all() -> None:
    desk = long_at_100()
    desk.person("XYZ", BUY, 5)
    assert (desk.size(), desk.resting()) == (15, {"stop": "95", "target": "110"})
    desk.bar(XYZ=(100, 100, 94, 94))
    assert (desk.size(), desk.resting()) == (0, {})


def test_a_person_turns_our_position_around() -> None:
    """Long 10, sold 15 at 102: our trade ends (+20 - 0.40 - 0.408), a short of 5 is the person's."""
    desk = long_at_100()
    desk.bar(XYZ=102)
    desk.person("XYZ", SELL, 15)
    (trade,) = desk.trades
    assert (trade.reason, text(trade.quantity), text(trade.net)) == (CloseReason.MANUAL, "10", "19.192")
    assert desk.size() == -5
    assert desk.of().plan.foreign
    assert desk.of().plan.side is SHORT
    assert desk.resting() == {}, "our long's stop and target would grow a short"
    assert kinds(desk) == [HaltKind.FOREIGN]
    desk.bar(XYZ=101)
    desk.person("XYZ", BUY, 5)
    assert desk.size() == 0
    assert text(desk.trades[1].net) == "4.594"  # 5 - 0.204 - 0.202


def stop_of(desk: Desk):
    return next(o for o in desk.matching.orders("XYZ") if o.request.type is OrderType.STOP_MARKET)


def test_a_stop_cancelled_by_hand_is_put_back_once_and_announced() -> None:
    desk = long_at_100()
    desk.person_cancels(stop_of(desk))
    assert desk.resting() == {"stop": "95", "target": "110"}
    assert "cancelled at the venue" in desk.notices(NoticeKind.PROTECTION)[0].title


def test_a_stop_cancelled_by_hand_again_is_not_fought_over() -> None:
    """The second time the person means it: the position is theirs, and everybody hears of it."""
    desk = long_at_100()
    desk.person_cancels(stop_of(desk))
    desk.person_cancels(stop_of(desk))
    assert desk.size() == 10
    assert "stop" not in desk.resting()
    assert kinds(desk) == [HaltKind.FOREIGN]
    assert desk.notices(NoticeKind.PROTECTION)[-1].severity is Severity.CRITICAL
    desk.ask(MoveStop("XYZ", D(96)))
    assert desk.resting()["stop"] == "96"


def test_a_target_cancelled_by_hand_is_put_back_once() -> None:
    desk = long_at_100()
    for _ in range(2):
        target = next(
            o for o in desk.matching.orders("XYZ") if o.request.type is OrderType.TAKE_PROFIT_MARKET
        )
        desk.person_cancels(target)
    assert desk.resting() == {"stop": "95"}
    assert desk.of().plan.target_price is None
