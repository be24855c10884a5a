"""/leverage: in force when the venue has said so, refused with figures, kept over restarts, used by every figure."""

import pytest
from desk_story import LONG, SHORT, D, Desk
from recovered import Memory

from bot.domain.action import RecordSetting, SetLeverage
from bot.domain.command import Change, ChangeLeverage, Done
from bot.domain.event import Call, CallEnded, Outcome
from bot.domain.guard import HaltKind
from bot.domain.refusal import Refused
from bot.engine import previews, reading
from bot.engine.views import LeveragePreview


def hold_back(desk: Desk) -> list[SetLeverage]:
    """Questions about leverage are not answered; they are kept here."""
    plain, kept = desk.venue._perform, []

    def perform(deed: object) -> None:
        if isinstance(deed, SetLeverage):
            kept.append(deed)
        else:
            plain(deed)

    desk.venue._perform = perform  # type: ignore[method-assign]
    return kept


def ended(desk: Desk, outcome: Outcome, code: str = "") -> None:
    desk.feed(CallEnded(desk.venue.now_ms, "", "XYZ", Call.SUBMIT, outcome, code))


def test_it_takes_effect_when_the_venue_confirms_and_lasts() -> None:
    desk = Desk()
    desk.bar()  # without a price there are no figures
    shown = previews.leverage(desk.state, "XYZ", 20)
    assert isinstance(shown, LeveragePreview)
    assert (shown.before, shown.after, shown.margin_before, shown.liquidation_after) == (10, 20, None, None)
    assert (shown.size_before.margin, shown.size_after.margin) == (100, 50)
    calls = hold_back(desk)
    assert desk.ask(ChangeLeverage("XYZ", 20)) is None
    assert calls == [SetLeverage("XYZ", 20)]
    assert desk.of().leverage == 10, "not before the venue's word"
    assert desk.ask(ChangeLeverage("XYZ", 5)) == Refused("leverage", "XYZ: 20x is asked of the venue already")
    ended(desk, Outcome.DONE)
    assert desk.answer("c1") == Done((Change("leverage of XYZ", "10x", "20x"),))
    assert [
        (a.key, a.value) for a in desk.actions if isinstance(a, RecordSetting) and a.actor != "engine"
    ] == [("leverage:XYZ", "20")]
    desk.matching.set_leverage("XYZ", 20)
    desk.enter("XYZ", LONG, stop=96)
    assert desk.state.margin_used() == 50
    assert reading.position(desk.of()).margin == 50
    desk.restart(Memory(desk.venue.steps).recovered())
    assert (desk.of().leverage, desk.state.margin_used()) == (20, 50)
    assert SetLeverage("XYZ", 20) in desk.actions


@pytest.mark.parametrize("leverage", [0, -1, 51, 1000])
def test_out_of_range_is_refused_with_the_range(leverage: int) -> None:
    desk = Desk()
    said = Refused("leverage", f"{leverage}x is not allowed; 1 to 50 for XYZ")
    assert desk.ask(ChangeLeverage("XYZ", leverage)) == said == previews.leverage(desk.state, "XYZ", leverage)
    assert isinstance(desk.ask(ChangeLeverage("NOPE", 5)), Refused)


def test_a_liquidation_before_the_stop_is_refused() -> None:
    desk = Desk()
    desk.enter("XYZ", LONG, stop=92)
    found = previews.leverage(desk.state, "XYZ", 20)
    assert isinstance(found, Refused)
    assert "before its stop at 92.00" in found.figures
    assert desk.ask(ChangeLeverage("XYZ", 20)) == found
    shown = previews.leverage(desk.state, "XYZ", 11)
    assert isinstance(shown, LeveragePreview)
    assert (shown.margin_before, shown.margin_after) == (100, D(1000) / 11)
    assert shown.liquidation_before is not None
    assert shown.liquidation_after is not None
    assert shown.liquidation_before < shown.liquidation_after < 92


def test_margin_that_is_not_there_is_refused_with_figures() -> None:
    desk = Desk(wallet=110)
    desk.enter("XYZ", SHORT, stop=104)
    found = desk.ask(ChangeLeverage("XYZ", 2))
    assert found == Refused("leverage", "2x needs 220.00 USDT more margin; 54.78 are free")


def test_a_position_too_large_for_the_bracket_is_refused() -> None:
    desk = Desk(wallet=1_000_000, instruments=None)
    desk.state.sizing = type(desk.state.sizing)(desk.state.sizing.mode, D(60_000))
    desk.enter("XYZ", LONG, stop=99)
    found = desk.ask(ChangeLeverage("XYZ", 30))
    assert found == Refused("leverage", "30x is for at most 50000.00 USDT; XYZ is 60000.00")


def test_the_venues_refusal_changes_nothing() -> None:
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95)
    answer = desk.ask(ChangeLeverage("XYZ", 5))
    assert answer == Refused("venue", "the venue refused 5x for XYZ (-4161); it stays 10x")
    assert desk.of().leverage == 10
    assert desk.state.halts == []


def test_an_unknown_outcome_is_asked_again_and_then_stops_entries() -> None:
    desk = Desk()
    calls = hold_back(desk)
    desk.ask(ChangeLeverage("XYZ", 20))
    for tries in (1, 2):
        assert len(calls) == tries
        ended(desk, Outcome.UNKNOWN, "time-out")
        desk.wait(2_500)
    assert len(calls) == 3
    ended(desk, Outcome.UNKNOWN, "time-out")
    answer = desk.answer("c1")
    assert isinstance(answer, Refused)
    assert "may be 10x or 20x" in answer.figures
    assert [h.kind for h in desk.state.halts] == [HaltKind.ERRORS]
    desk.ask(ChangeLeverage("XYZ", 10))
    ended(desk, Outcome.DONE)
    assert isinstance(desk.answer("c2"), Done)
    assert desk.state.halts == []


def test_no_answer_at_all_ends_too() -> None:
    desk = Desk()
    hold_back(desk)
    desk.ask(ChangeLeverage("XYZ", 20))
    desk.wait(31_000)
    assert isinstance(desk.answer("c1"), Refused)
    assert desk.of().leverage == 10


def test_the_answer_to_a_starts_own_question_is_not_taken_for_the_wish() -> None:
    desk = Desk()
    hold_back(desk)
    desk.of().leverage_calls = 1  # the start's, still on its way
    desk.ask(ChangeLeverage("XYZ", 20))
    ended(desk, Outcome.DONE)
    assert desk.of().leverage == 10
    ended(desk, Outcome.NOT_DONE, "-4028")
    assert desk.answer("c1") == Refused("venue", "the venue refused 20x for XYZ (-4028); it stays 10x")
