"""The ML filter's turn: a bar's signals wait until the models have said what they think of them, or time is up."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from bot.domain.action import AskScores, StartTimer
from bot.domain.command import Change, Done, SetModelThreshold, SwitchModel
from bot.domain.event import CommandIssued, ScoresCame
from bot.domain.model import ModelMode, ModelScore, ModelUse, ScoreAsk
from bot.domain.refusal import Refused
from bot.domain.signal import Signal
from bot.engine import pipeline
from bot.engine.answers import not_traded, setting
from bot.engine.keeping import Plain, text
from bot.engine.state import EngineState, SymbolState
from bot.engine.turn import Turn
from bot.risk.book import Judged

SCORES_TIMER = "scores"
LATE = "the models did not answer in time"
MODEL_OWN = "the model's own"
NOTHING_SAID = ModelScore("")


def key(symbol: str) -> str:
    """The setting that keeps how a symbol's signals are filtered."""
    return f"model:{symbol}"


def weigh(turn: Turn, found: Sequence[Signal]) -> None:
    """Ask for the scores of a bar's signals; where no model is in use they are considered at once.

    All of the bar wait together, since scores decide who comes first.
    """
    state = turn.state
    asks = tuple(_ask(signal) for signal in found if _asks(state, signal))
    if not asks:
        _consider_all(turn, found, {})
        return
    state.score_asks += 1
    state.unscored[state.score_asks] = tuple(found)
    due_at_ms = turn.at_ms + state.settings.score_deadline_ms
    turn.act(AskScores(state.score_asks, asks), StartTimer(SCORES_TIMER, str(state.score_asks), due_at_ms))


def _asks(state: EngineState, signal: Signal) -> bool:
    return state.symbols[signal.symbol].model.mode is not ModelMode.OFF


def _ask(signal: Signal) -> ScoreAsk:
    if signal.side is None:
        raise AssertionError("only signals with a side compete")
    return ScoreAsk(signal.symbol, signal.strategy, signal.bar_at_ms, signal.side, signal.score)


def on_scores(turn: Turn, event: ScoresCame) -> None:
    """The models have answered; what waits no more (time was up) is past."""
    found = turn.state.unscored.pop(event.number, None)
    if found is None:
        return
    said = {one.symbol: one for one in event.scores}
    for signal in found:
        symbol, word = turn.state.symbols[signal.symbol], said.get(signal.symbol, NOTHING_SAID)
        symbol.model_young = word.young
        symbol.model_absent = word.score is None and not word.fault
    _consider_all(turn, found, said)


def due(turn: Turn, number: str) -> None:
    """Time is up: signals that a model should have judged go on without a score."""
    found = turn.state.unscored.pop(int(number), None) if number.isdecimal() else None
    if found is not None:
        _consider_all(turn, found, {one.symbol: _late(turn.state.symbols[one.symbol]) for one in found})


def _late(symbol: SymbolState) -> ModelScore:
    """No answer; who had no model when they last answered, or one that did not count, does not suffer for it."""
    if symbol.model_absent:
        return ModelScore(symbol.symbol)
    return ModelScore(symbol.symbol, fault=LATE, young=symbol.model_young)


def _consider_all(turn: Turn, found: Sequence[Signal], said: Mapping[str, ModelScore]) -> None:
    """Best first: by score, then model score, then symbol."""
    state = turn.state
    judged = {signal.symbol: _judged(state, signal.symbol, said) for signal in found}
    account = pipeline.standing(state)
    for signal in sorted(found, key=lambda one: (-one.score, -_likely(judged[one.symbol]), one.symbol)):
        if pipeline.consider(turn, state.symbols[signal.symbol], signal, account, judged[signal.symbol]):
            account = pipeline.standing(state)


def _likely(judged: Judged | None) -> float:
    """What ranks a signal: a score that is only noted counts for nothing here too."""
    return judged.said.score or 0.0 if judged is not None and judged.counts else 0.0


def _judged(state: EngineState, name: str, said: Mapping[str, ModelScore]) -> Judged | None:
    use, word = state.symbols[name].model, said.get(name, ModelScore(name))
    if use.mode is ModelMode.OFF:
        return None
    threshold = word.threshold if use.threshold is None else float(use.threshold)
    counts = use.mode is ModelMode.ON and not word.young
    return Judged(word, threshold, counts, state.settings.unscored_pass)


# --- commands -------------------------------------------------------------------------------------------------------


def switch(turn: Turn, event: CommandIssued, command: SwitchModel) -> Done | Refused:
    """Let models judge, watch, or rest."""
    chosen = _chosen(turn, command.symbol)
    if not chosen:
        return not_traded(turn, command.symbol)
    changes = [
        change_use(turn, event, symbol, ModelUse(command.mode, symbol.model.threshold)) for symbol in chosen
    ]
    return Done(changes=tuple(change for done in changes for change in done.changes))


def set_threshold(turn: Turn, event: CommandIssued, command: SetModelThreshold) -> Done | Refused:
    """The score from which signals pass."""
    chosen, threshold = _chosen(turn, command.symbol), command.threshold
    if not chosen:
        return not_traded(turn, command.symbol)
    if threshold is not None and not 0 < threshold < 1:
        return Refused("threshold", f"{threshold} is not allowed; more than 0 and less than 1")
    changes = [change_use(turn, event, symbol, ModelUse(symbol.model.mode, threshold)) for symbol in chosen]
    return Done(changes=tuple(change for done in changes for change in done.changes))


def _chosen(turn: Turn, name: str) -> list[SymbolState]:
    if not name:
        return list(turn.state.symbols.values())
    symbol = turn.symbol(name)
    return [symbol] if symbol is not None else []


def change_use(turn: Turn, event: CommandIssued, symbol: SymbolState, use: ModelUse) -> Done:
    """From the next signal on; kept over restarts."""
    before, symbol.model = symbol.model, use
    change = Change(f"model of {symbol.symbol}", use_text(before), use_text(use))
    return setting(turn, event, key(symbol.symbol), plain_use(use), change)


def use_text(use: ModelUse) -> str:
    """How signals are filtered, in words."""
    threshold = MODEL_OWN if use.threshold is None else f"{use.threshold.normalize():f}"
    return f"{use.mode}, threshold {threshold}"


def plain_use(use: ModelUse) -> str:
    """The JSON text that keeps it."""
    return text({"mode": use.mode.value, "threshold": use.threshold})


def read_use(plain: Plain) -> ModelUse:
    """What `plain_use` wrote."""
    threshold = plain["threshold"]
    return ModelUse(ModelMode(plain["mode"]), None if threshold is None else Decimal(threshold))
