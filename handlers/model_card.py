"""A model's card as a person reads it: what it was made from, how well it did, what it looks at."""

from collections.abc import Iterator

from bot.domain.model import ModelMode
from bot.ml.card import Card
from bot.runtime.desk import Desk
from handlers.cards import clock, table
from handlers.format import UNKNOWN, count, number, plain, share
from handlers.learning import ModelView
from handlers.reply import Button, ReliabilityPlot, Reply
from handlers.text import stored

TOP = 8
"""Features listed: those the model looks at most."""
LINES = 12
"""Of a card by another hand no more is shown of its reasons and sources."""


def state_of(view: ModelView) -> str:
    """Whether it judges: on, shadow, off, and why its scores do not count yet."""
    if not view.young:
        return view.mode.value
    waits = f"shadow until enough have ended ({view.young})" if view.mode is ModelMode.ON else view.young
    return f"{view.mode.value}; {waits}"


def threshold_of(view: ModelView) -> str:
    """The score from which signals pass, as the gate tells it; what training chose has many more digits."""
    return plain(round(view.threshold, 3))


def card_reply(desk: Desk, view: ModelView, card: Card) -> Reply:
    """The card of the model that speaks for a symbol."""
    title = f"Model of {view.symbol} · {card.strategy} · {card.version}"
    bins = tuple((one.predicted, one.observed, one.rows) for one in card.calibration)
    rests = view.mode is ModelMode.OFF
    return Reply(
        title=title,
        fields=tuple(_fields(desk, view, card)),
        table=table("Feature | >Gain | >AUC without it", _features(card)),
        text="\n".join(_words(view, card)),
        plot=ReliabilityPlot(bins, view.threshold, title) if bins else None,
        buttons=(
            Button("Refresh", f"/ml {view.symbol}"),
            *((Button("Switch on", f"/ml_on {view.symbol}"),) if view.mode is not ModelMode.ON else ()),
            *(
                (Button("Only shadow", f"/ml_shadow {view.symbol}"),)
                if view.mode is not ModelMode.SHADOW
                else ()
            ),
            *(() if rests else (Button("Switch off", f"/ml_off {view.symbol}"),)),
            Button("Models", "/ml"),
            Button("Why", f"/why {view.symbol}"),
        ),
    )


def _fields(desk: Desk, view: ModelView, card: Card) -> Iterator[tuple[str, str]]:
    at, metrics = clock(desk), card.metrics
    yield "State", f"{state_of(view)}; passes from {threshold_of(view)}"
    yield "Made", f"{at.full(card.created_at_ms)}, {card.kind}, {count(len(card.features), 'feature')}"
    yield "Trained on", f"{at.full(card.trained.from_ms)} to {at.full(card.trained.to_ms)}"
    origins = ", ".join(f"{rows} {stored(name)}" for name, rows in sorted(card.sources.items())[:LINES])
    yield "Rows", f"{card.rows} ({origins}); {share(card.balance)} reached the target"
    yield "AUC", f"{number(metrics.auc, 3)} over {count(len(card.folds), 'fold')} ({_by_fold(card)})"
    yield "At its threshold", f"precision {share(metrics.precision)}, recall {share(metrics.recall)}"
    yield "Brier score", number(metrics.brier, 4)
    if card.ablation is not None:
        yield "Ablation", stored(f"{card.ablation.word}: {card.ablation.reason}")
    if card.comparison is not None:
        yield "On against off", stored(f"{card.comparison.word}: {card.comparison.reason}")
    yield "Advice", card.advice


def _by_fold(card: Card) -> str:
    return ", ".join(number(fold.metrics.auc, 3) for fold in card.folds[:LINES]) or UNKNOWN


def _features(card: Card) -> Iterator[tuple[str, ...]]:
    """Those that count most: by permutation where it was measured, else by gain."""
    most = sorted(
        card.importances, key=lambda one: (-(one.permutation or 0.0), -(one.gain or 0.0), one.feature)
    )
    whole = sum(one.gain or 0.0 for one in card.importances)
    for one in most[:TOP]:
        lost = UNKNOWN if one.permutation is None else f"{-one.permutation:+.4f}"
        gained = None if one.gain is None or whole <= 0.0 else one.gain / whole
        yield one.feature, share(gained), lost


def _words(view: ModelView, card: Card) -> Iterator[str]:
    if card.symbol != view.symbol:
        yield f"It is the model of {card.symbol.removeprefix('_')}: {view.symbol} has none of its own."
    yield from (stored(line) for line in card.reasons[:LINES])
    if len(card.reasons) > LINES:
        yield f"… and {len(card.reasons) - LINES} more lines in its report"
