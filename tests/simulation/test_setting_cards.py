"""What the card before a setting says of the next trade: whether it would still be let in, and nothing invented."""

from desk_story import LONG, D, Desk

from bot.domain.command import SetLimit
from bot.engine import reading
from bot.engine.views import NO_PRICE, SettingPreview
from bot.runtime.rehearsal import setting


def preview(desk: Desk, name: str, value: object) -> SettingPreview:
    found = setting(desk.venue.engine, SetLimit(name, D(str(value))), "test:1", desk.venue.now_ms)
    assert isinstance(found, SettingPreview)
    return found


def test_a_limit_that_would_refuse_the_next_trade_says_so() -> None:
    desk = Desk()
    desk.bar(XYZ=100)
    assert not [r for r in preview(desk, "max_positions", 5).remarks if "refused" in r]
    said = [r for r in preview(desk, "max_positions", 0).remarks if "refused" in r]
    assert said == ["but as things stand it would be refused by positions: 0 of 0 taken"]


def test_a_limit_that_lets_the_next_trade_in_again_says_so() -> None:
    desk = Desk()
    desk.bar(XYZ=100)
    desk.ask(SetLimit("max_positions", D(0)))
    said = preview(desk, "max_positions", 3).remarks
    assert "as things stand it would pass; now it would be refused by positions" in said


def test_without_a_price_no_size_is_told() -> None:
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95)
    symbol = desk.of("XYZ")
    known = reading.preview_size(desk.state, symbol, desk.state.sizing)
    assert known.quantity > 0
    symbol.last_price = 0.0
    assert reading.preview_size(desk.state, symbol, desk.state.sizing) == known  # the mark is known
    symbol.mark = 0.0
    found = reading.preview_size(desk.state, symbol, desk.state.sizing)
    assert (found.quantity, found.risk, found.binding) == (0, 0, NO_PRICE)
