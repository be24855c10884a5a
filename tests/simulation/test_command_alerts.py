"""Price alerts: once, to their owner, over restarts; and notes on trades."""

import pytest
from desk_story import LONG, D, Desk
from recovered import Memory

from bot.domain.action import RecordNote
from bot.domain.command import Change, Done, DropAlert, NoteTrade, PanicClose, SetAlert
from bot.domain.event import QuotesSeen
from bot.domain.market import Quote
from bot.domain.notice import NoticeKind, Severity
from bot.domain.refusal import Refused
from bot.runtime.door import Door

ANNA, BERT = "telegram:1", "discord:2"


def quote(desk: Desk, price: float) -> QuotesSeen:
    at_ms = desk.venue.now_ms
    return QuotesSeen(at_ms, (Quote("XYZ", at_ms, price, price, price, price),))


def desk() -> Desk:
    found = Desk()
    found.bar()
    return found


def test_an_alert_fires_once_on_a_quote_to_its_owner() -> None:
    house = desk()
    assert house.ask(SetAlert("XYZ", True, D(105), ANNA)) == Done(
        (Change("alert 1", "-", "XYZ at or above 105.00"),)
    )
    house.feed(quote(house, 104.99))
    assert house.notices(NoticeKind.ALERT) == []
    house.feed(quote(house, 105.0))
    (notice,) = house.notices(NoticeKind.ALERT)
    assert (notice.to, notice.severity, notice.symbol) == (ANNA, Severity.TRADE, "XYZ")
    assert notice.title == "XYZ at or above 105.00: the mark is 105.00"
    house.feed(quote(house, 100.0))
    house.feed(quote(house, 106.0))
    assert len(house.notices(NoticeKind.ALERT)) == 1
    assert house.state.alerts == {}


def test_below_fires_on_a_candles_close() -> None:
    house = desk()
    house.ask(SetAlert("XYZ", False, D("98.5"), ANNA))
    house.bar(XYZ=(100, 100, 97, 99))
    assert house.notices(NoticeKind.ALERT) == []
    house.bar(XYZ=98)
    assert [n.title for n in house.notices(NoticeKind.ALERT)] == ["XYZ at or below 98.50: the mark is 98.00"]


def test_they_outlive_a_restart_with_their_numbers() -> None:
    house = desk()
    house.ask(SetAlert("XYZ", True, D(105), ANNA))
    house.ask(SetAlert("XYZ", False, D(90), BERT))
    house.ask(DropAlert(2, BERT))
    house.restart(Memory(house.venue.steps).recovered())
    assert [(a.id, a.owner, a.price) for a in house.state.alerts.values()] == [(1, ANNA, 105)]
    house.bar()
    assert isinstance(house.ask(SetAlert("XYZ", False, D(90), BERT)), Done)
    assert sorted(house.state.alerts) == [1, 3]
    house.feed(quote(house, 120.0))
    house.restart(Memory(house.venue.steps).recovered())
    assert sorted(house.state.alerts) == [3], "what fired does not come back"


@pytest.mark.parametrize(
    "command, words",
    [
        (SetAlert("XYZ", True, D(99), ANNA), "is so already: the mark is 100.00"),
        (SetAlert("XYZ", True, D(0), ANNA), "more than 0"),
        (SetAlert("XYZ", True, D("NaN"), ANNA), "no figure"),
        (SetAlert("NOPE", True, D(99), ANNA), "not traded"),
        (DropAlert(7, ANNA), "no alert 7"),
    ],
)
def test_refused_with_figures(command: SetAlert | DropAlert, words: str) -> None:
    house = desk()
    answer = house.ask(command)
    assert isinstance(answer, Refused)
    assert words in answer.figures


def test_only_its_owner_drops_it_and_there_are_not_too_many() -> None:
    house = desk()
    house.ask(SetAlert("XYZ", True, D(105), ANNA))
    assert isinstance(house.ask(DropAlert(1, BERT)), Refused)
    assert isinstance(house.ask(DropAlert(1)), Done)
    for step in range(20):
        assert isinstance(house.ask(SetAlert("XYZ", True, D(105 + step), ANNA)), Done)
    assert isinstance(house.ask(SetAlert("XYZ", True, D(150), ANNA)), Refused)
    assert isinstance(house.ask(SetAlert("XYZ", True, D(150), BERT)), Done)


def test_the_door_lets_in_the_price_that_somebody_waits_for() -> None:
    house, door = desk(), Door()
    assert door.admit(quote(house, 105.0), house.state) == ()
    house.ask(SetAlert("XYZ", True, D(105), ANNA))
    assert door.admit(quote(house, 104.0), house.state) == ()
    assert door.admit(quote(house, 105.0), house.state) == (quote(house, 105.0),)


def test_notes_go_to_the_open_trade_or_the_last_one() -> None:
    house = desk()
    assert house.ask(NoteTrade("XYZ", "early", ANNA)) == Refused("note", "XYZ has no trade yet")
    house.enter("XYZ", LONG, stop=95)
    opened = house.of().open_trade
    assert opened is not None
    assert isinstance(house.ask(NoteTrade("XYZ", " good entry ", ANNA)), Done)
    house.ask(PanicClose("XYZ"))
    assert isinstance(house.ask(NoteTrade("XYZ", "left too early", BERT)), Done)
    house.restart(Memory(house.venue.steps).recovered())
    assert isinstance(house.ask(NoteTrade("XYZ", "after all", BERT)), Done)
    notes = [a for a in house.actions if isinstance(a, RecordNote)]
    assert [(n.text, n.author) for n in notes] == [
        ("good entry", ANNA), ("left too early", BERT), ("after all", BERT)
    ]  # fmt: skip
    assert {n.opened_at_ms for n in notes} == {opened.opened_at_ms} == {house.trades[0].opened_at_ms}
    assert isinstance(house.ask(NoteTrade("XYZ", " ", ANNA)), Refused)
    assert isinstance(house.ask(NoteTrade("XYZ", "x" * 501, ANNA)), Refused)
