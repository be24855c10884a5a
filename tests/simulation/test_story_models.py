"""The ML filter in the engine: signals wait for their scores, a score refuses or lets through, silence is no score."""

from decimal import Decimal

import pytest
from desk_story import LONG, SHORT, D, Desk

from bot.domain.action import AskScores
from bot.domain.command import Change, Done, SetModelThreshold, SwitchModel, UndoSetting
from bot.domain.command import SettingChange as Was
from bot.domain.event import ScoresCame
from bot.domain.guard import Limits
from bot.domain.model import ModelMode, ModelScore, ModelUse, ScoreAsk
from bot.domain.order import Purpose
from bot.domain.refusal import Refused
from bot.domain.snapshot import Recovered

ON, SHADOW, OFF = ModelMode.ON, ModelMode.SHADOW, ModelMode.OFF


def filtered(*symbols: str, mode: ModelMode = ON, **more: object) -> Desk:
    """A desk whose symbols are all judged; nobody has models yet."""
    desk = Desk(*symbols, **more)
    desk.ask(SwitchModel("", mode))
    return desk


def scores(desk: Desk, **by_symbol: float) -> None:
    """From now on the models say this, their own threshold being 0.55."""

    def answer(asks: tuple[ScoreAsk, ...]) -> tuple[ModelScore, ...]:
        known = [ask.symbol for ask in asks if ask.symbol in by_symbol]
        return tuple(ModelScore(name, by_symbol[name], 0.55, "v1", "", (("rsi", 0.4),)) for name in known)

    desk.venue.scores = answer


def silent(desk: Desk) -> None:
    """From now on the models take their time: nothing comes by itself."""
    inbox = desk.venue._inbox
    desk.venue.scores = lambda asks: (_ for _ in ()).throw(AssertionError("asked twice"))
    real = desk.venue._perform
    desk.venue._perform = lambda deed: None if isinstance(deed, AskScores) else real(deed)  # type: ignore[method-assign]
    assert not inbox


def gate(desk: Desk) -> str:
    return next(check.figures for check in desk.decisions[-1].gates if check.gate == "model")


def test_off_nobody_is_asked() -> None:
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95)
    assert not [action for action in desk.actions if isinstance(action, AskScores)]
    assert gate(desk) == "off"


def test_a_score_below_the_threshold_refuses_and_one_at_it_passes() -> None:
    desk = filtered()
    scores(desk, XYZ=0.54)
    desk.enter("XYZ", LONG, stop=95)
    assert (desk.refusals(), desk.size()) == (["model"], 0)
    assert gate(desk) == "score 0.540, threshold 0.550; moved by rsi +0.40"
    scores(desk, XYZ=0.55)
    desk.enter("XYZ", LONG, stop=95)
    assert desk.refusals() == ["model", ""]
    assert desk.decisions[-1].model_score == 0.55
    assert desk.of().plan is not None
    assert desk.of().plan.model_score == 0.55  # type: ignore[union-attr]


def test_without_a_model_it_passes() -> None:
    desk = filtered()
    desk.enter("XYZ", LONG, stop=95)
    assert (desk.refusals(), gate(desk)) == ([""], "no model")


def test_in_the_shadow_a_score_is_noted_and_counts_for_nothing() -> None:
    desk = filtered(mode=SHADOW)
    scores(desk, XYZ=0.1)
    desk.enter("XYZ", LONG, stop=95)
    assert desk.refusals() == [""]
    assert gate(desk) == "score 0.100, threshold 0.550; moved by rsi +0.40; shadow"
    assert desk.decisions[-1].model_score == 0.1


@pytest.mark.parametrize("passes,refused", [(False, "model"), (True, "")])
def test_a_model_that_fails_refuses_or_passes_as_configured(passes: bool, refused: str) -> None:
    desk = filtered(unscored_pass=passes)
    desk.venue.scores = lambda asks: tuple(ModelScore(ask.symbol, fault="broken") for ask in asks)
    desk.enter("XYZ", LONG, stop=95)
    assert desk.refusals() == [refused]
    assert gate(desk).startswith("no score: broken")


def test_nothing_is_decided_before_the_answer_and_a_late_one_is_past() -> None:
    desk = filtered()
    silent(desk)
    desk.enter("XYZ", LONG, stop=95)
    (asked,) = [action for action in desk.actions if isinstance(action, AskScores)]
    assert asked.asks == (ScoreAsk("XYZ", "quiet", desk.at_ms, LONG, 5.0),)
    assert desk.decisions == []
    desk.wait(1_499)
    assert desk.decisions == []
    desk.wait(1)
    assert (desk.refusals(), gate(desk)) == (["model"], "no score: the models did not answer in time")
    desk.feed(ScoresCame(desk.venue.now_ms, asked.number, (ModelScore("XYZ", 0.9, 0.5),)))
    assert len(desk.decisions) == 1


def test_answers_are_taken_once_and_only_under_their_number() -> None:
    desk = filtered()
    silent(desk)
    desk.enter("XYZ", LONG, stop=95)
    said = (ModelScore("XYZ", 0.9, 0.5), ModelScore("NOPE", 0.9, 0.5))
    desk.feed(ScoresCame(desk.venue.now_ms, 77, said))
    assert desk.decisions == []
    desk.feed(ScoresCame(desk.venue.now_ms, 1, said), ScoresCame(desk.venue.now_ms, 1, said))
    assert desk.refusals() == [""]
    desk.wait(10_000)
    assert len(desk.decisions) == 1


def test_the_better_score_takes_the_last_slot() -> None:
    desk = filtered("AAA", "BBB", limits=Limits(max_positions=1))
    scores(desk, AAA=0.6, BBB=0.7)
    desk.says("AAA", LONG, stop=95).says("BBB", LONG, stop=95).bar()
    assert [(one.signal.symbol, one.refused_by) for one in desk.decisions] == [
        ("BBB", ""),
        ("AAA", "positions"),
    ]


def test_a_reversal_closes_whatever_the_model_says_and_enters_only_with_it() -> None:
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.ask(SwitchModel("XYZ", ON))
    scores(desk, XYZ=0.2)
    desk.enter("XYZ", SHORT, stop=105, target=90)
    assert (desk.size(), desk.refusals()) == (0, ["", "model"])
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert desk.size() == 0
    scores(desk, XYZ=0.8)
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.enter("XYZ", SHORT, stop=105, target=90)
    assert desk.size() < 0
    assert desk.submitted(Purpose.ENTRY)[-1].intent.decision_id == desk.decisions[-1].id


def test_switch_and_threshold_are_answered_kept_and_taken_back() -> None:
    desk = Desk("XYZ")
    own = "threshold the model's own"
    assert desk.ask(SwitchModel("XYZ", ON)) == Done((Change("model of XYZ", f"off, {own}", f"on, {own}"),))
    answer = desk.ask(SetModelThreshold("XYZ", D("0.70")))
    assert answer == Done((Change("model of XYZ", f"on, {own}", "on, threshold 0.7"),))
    kept = (("model:XYZ", '{"mode":"on","threshold":"0.70"}'),)
    assert desk.of().model == ModelUse(ON, Decimal("0.7"))
    scores(desk, XYZ=0.69)
    desk.enter("XYZ", LONG, stop=95)
    assert desk.refusals() == ["model"]
    desk.restart(Recovered(wallet=D(10_000), base_balance=D(10_000), kept=kept, first_start=False))
    assert desk.of().model == ModelUse(ON, Decimal("0.7"))
    undo = UndoSetting(1, (Was("model:XYZ", "", kept[0][1]),))
    assert desk.ask(undo) == Done((Change("model of XYZ", "on, threshold 0.7", f"off, {own}"),))
    assert isinstance(desk.ask(undo), Refused)


@pytest.mark.parametrize("bad", ["0", "1", "-0.1", "1.5"])
def test_a_threshold_that_is_none_is_refused(bad: str) -> None:
    desk = Desk()
    refused = desk.ask(SetModelThreshold("", D(bad)))
    assert refused == Refused("threshold", f"{bad} is not allowed; more than 0 and less than 1")
    assert isinstance(desk.ask(SwitchModel("NOPE", ON)), Refused)
    assert isinstance(desk.ask(SetModelThreshold("NOPE", D("0.5"))), Refused)


def test_a_young_model_only_shadows_whatever_the_mode_and_the_gate_says_why() -> None:
    desk = filtered()
    young = "83 of 150 outcomes"
    desk.venue.scores = lambda asks: tuple(ModelScore(a.symbol, 0.1, 0.55, "v1", young=young) for a in asks)
    desk.enter("XYZ", LONG, stop=95)
    assert (desk.refusals(), gate(desk)) == ([""], f"score 0.100, threshold 0.550; shadow: {young}")
    desk.ask(SwitchModel("", SHADOW))
    desk.enter("XYZ", SHORT, stop=105)
    assert gate(desk) == f"score 0.100, threshold 0.550; shadow: {young}"


def test_a_young_model_that_fails_or_is_late_does_not_count_either() -> None:
    desk = filtered()
    young = "83 of 150 outcomes"
    desk.venue.scores = lambda asks: tuple(ModelScore(a.symbol, fault="broken", young=young) for a in asks)
    desk.enter("XYZ", LONG, stop=95)
    assert (desk.refusals(), gate(desk)) == ([""], f"no score: broken; shadow: {young}")
    desk.enter("XYZ", SHORT, stop=105)
    silent(desk)
    desk.enter("XYZ", LONG, stop=95)
    desk.wait(1_500)
    assert gate(desk) == f"no score: the models did not answer in time; shadow: {young}"


def test_a_model_that_has_grown_up_counts_also_when_it_is_late() -> None:
    desk = filtered()
    desk.venue.scores = lambda asks: tuple(
        ModelScore(a.symbol, 0.1, 0.55, "v1", young="1 of 2") for a in asks
    )
    desk.enter("XYZ", LONG, stop=95)
    scores(desk, XYZ=0.9)
    desk.bar(XYZ=(100, 100, 90, 90))
    desk.enter("XYZ", LONG, stop=85)
    silent(desk)
    desk.bar(XYZ=(90, 90, 80, 80))
    desk.enter("XYZ", LONG, stop=75)
    desk.wait(1_500)
    assert (desk.refusals()[-1], gate(desk)) == ("model", "no score: the models did not answer in time")


def test_a_symbol_without_a_model_does_not_suffer_for_a_late_answer() -> None:
    desk = filtered()
    desk.enter("XYZ", LONG, stop=95)
    assert (desk.refusals(), gate(desk)) == ([""], "no model")
    silent(desk)
    desk.bar(XYZ=(100, 100, 90, 90))
    desk.enter("XYZ", LONG, stop=85)
    desk.wait(1_500)
    assert (desk.refusals()[-1], gate(desk)) == ("", "no model")


def test_a_score_that_is_only_noted_ranks_nothing() -> None:
    desk = filtered("AAA", "BBB", mode=SHADOW, limits=Limits(max_positions=1))
    scores(desk, AAA=0.6, BBB=0.7)
    desk.says("AAA", LONG, stop=95).says("BBB", LONG, stop=95).bar()
    assert [(one.signal.symbol, one.refused_by) for one in desk.decisions] == [
        ("AAA", ""),
        ("BBB", "positions"),
    ]
