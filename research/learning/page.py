"""A model as one self-contained page: verdict, figures, reliability, features, folds, balance."""

from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape

from bot.ml.card import Card, Fold, Verdict
from research.learning.metrics import Curve
from research.learning.pictures import draw_importances, draw_precision, draw_reliability
from research.reports.markup import picture, section, table, tiles, warning, whole

NOTHING = "–"


def model_page(card: Card, curve: Curve) -> str:
    """The page of a card; `curve` is that of its out-of-fold scores."""
    title = f"Model of {card.strategy} for {card.symbol}"
    body = "".join(
        (
            f"<h1>{escape(title)}</h1><p class=faint>{escape(_head(card))}</p>",
            _verdict(card),
            tiles(_figures(card)),
            section("Is its score honest?", picture(lambda dark: _reliability(card, dark), "Reliability")),
            section(
                "What precision costs",
                picture(
                    lambda dark: draw_precision(curve, card.threshold, dark=dark), "Precision and recall"
                ),
            ),
            section(
                "What it looks at",
                picture(lambda dark: draw_importances(card.importances, dark=dark), "Features"),
                table(("feature", "gain", "AUC lost when shuffled"), _features(card)),
            ),
            section("Folds, in the order of time", table(FOLD_HEADS, map(_fold, card.folds))),
            section("Without the strategy's own word", _said(card.ablation)),
            section("With and without the filter", _said(card.comparison), _sides(card.comparison)),
            section("Rows", table(("source", "rows"), _rows(card))),
            section("Set to", table(("parameter", "value"), _settings(card), words=(1,))),
            _footer(card),
        )
    )
    return whole(title, body)


FOLD_HEADS = ("validated from", "to", "train rows", "signals", "AUC", "precision", "recall", "Brier")


def _head(card: Card) -> str:
    backend = card.parameters.get("backend", card.kind)
    days = f"{_day(card.trained.from_ms)} to {_day(card.trained.to_ms)}"
    return f"{backend}, {len(card.features)} features, rows from {days}"


def _verdict(card: Card) -> str:
    word = "Switch on" if card.advice == "on" else "Leave off" if card.advice == "off" else "Shadow"
    lines = "".join(f"<li>{escape(line)}</li>" for line in card.reasons)
    head = f"<h2>{word}</h2>" if card.advice == "on" else warning(word)
    return f"{head}<ul>{lines}</ul>"


def _figures(card: Card) -> Iterable[tuple[str, str]]:
    metrics = card.metrics
    signals = card.sources.get("signal", 0) + card.sources.get("phantom", 0)
    yield "AUC out of fold", _text(metrics.auc)
    yield "threshold", _text(card.threshold)
    yield "precision there", _text(metrics.precision)
    yield "recall there", _text(metrics.recall)
    yield "signals that won", f"{card.positives / signals:.1%}" if signals else NOTHING
    yield "Brier", _text(metrics.brier)


def _reliability(card: Card, dark: bool) -> bytes:
    rows = sum(one.rows for one in card.calibration)
    won = sum(one.rows * one.observed for one in card.calibration)
    return draw_reliability(card.calibration, won / rows if rows else None, dark=dark)


def _features(card: Card) -> Iterable[tuple[str, str, str]]:
    return ((one.feature, _text(one.gain), _text(one.permutation, signed=True)) for one in card.importances)


def _fold(fold: Fold) -> tuple[str, ...]:
    metrics = (fold.metrics.auc, fold.metrics.precision, fold.metrics.recall, fold.metrics.brier)
    days = (_day(fold.validation.from_ms), _day(fold.validation.to_ms))
    return (*days, f"{fold.train_rows:,}", f"{fold.signals:,}", *map(_text, metrics))


def _said(verdict: Verdict | None) -> str:
    return f"<p><b>{escape(verdict.word)}</b>: {escape(verdict.reason)}</p>" if verdict else ""


def _sides(verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    names = ("trades", "profit_factor", "win_rate", "net", "drawdown", "sharpe")
    rows = (
        (
            name.replace("_", " "),
            _text(verdict.figures.get(f"{name}_off")),
            _text(verdict.figures.get(f"{name}_on")),
        )
        for name in names
    )
    return table(("", "off", "on"), rows)


def _rows(card: Card) -> Iterable[tuple[str, str]]:
    yield from ((source, f"{count:,}") for source, count in card.sources.items())
    yield "reached the target", f"{card.positives:,} ({card.balance:.1%} of all rows)"


def _settings(card: Card) -> Iterable[tuple[str, str]]:
    return ((name, str(value)) for name, value in (*card.parameters.items(), ("seed", card.seed)))


def _footer(card: Card) -> str:
    code = f"{card.code_version} {card.git_commit}".strip()
    return (
        f"<footer>Code: {escape(code)}<br>Data (sha256): {escape(card.data_hash)}<br>"
        f"Features (sha256): {escape(card.feature_hash)}</footer>"
    )


def _text(figure: float | None, *, signed: bool = False) -> str:
    if figure is None:
        return NOTHING
    if figure == round(figure) and abs(figure) >= 2:
        return f"{figure:,.0f}"
    return f"{figure:+.4f}" if signed else f"{figure:.3f}"


def _day(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}"
