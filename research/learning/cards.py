"""From a lesson to the card of a model, as the bot and people read it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from bot.ml.align import Sources
from bot.ml.card import (
    Advice,
    Bin,
    Canary,
    Card,
    Fold,
    Importance,
    Kind,
    Metrics,
    Profile,
    Setting,
    Span,
    Verdict,
)
from bot.ml.drift import profile_of
from bot.ml.feature import Matrix
from bot.strategy import Array, Frame
from research.learning.advising import ON, Advised
from research.learning.boosting import Boosted
from research.learning.comparing import Comparison, Side, gate_of
from research.learning.dataset import HOLD, PHANTOM, SIGNAL, Balance, Dataset, Recipe
from research.learning.exporting import export
from research.learning.learners import Fitted
from research.learning.lesson import Lesson
from research.learning.material import Subject
from research.learning.metrics import at_threshold
from research.learning.network import Network
from research.learning.training import Judged
from research.results.files import data_mark

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

CANARIES = 16


@dataclass(frozen=True, slots=True)
class Written:
    """A card and the bytes of its model."""

    card: Card
    content: bytes


@dataclass(frozen=True, slots=True)
class Origin:
    """By which code, when, and what else is to be said of the model."""

    code_version: str
    git_commit: str
    created_at_ms: int
    remarks: tuple[str, ...] = ()


def written[Made: (Boosted, Network)](lesson: Lesson[Made], origin: Origin) -> Written:
    """The card of a lesson's model and its file. Raises ExportError where a network cannot be written."""
    trained, rows = lesson.trained, canary_rows(lesson.material.dataset)
    content, imputation = _file(trained.model, rows)
    return Written(_card(lesson, origin, imputation, canaries(trained.model, rows)), content)


def _file(model: Boosted | Network, rows: Matrix) -> tuple[bytes, tuple[float, ...]]:
    if isinstance(model, Boosted):
        return model.text().encode("ascii"), ()
    found = export(model, rows)
    return found.content, found.imputation


def _card[Made: (Boosted, Network)](
    lesson: Lesson[Made], origin: Origin, imputation: tuple[float, ...], canary: tuple[Canary, ...]
) -> Card:
    material, trained = lesson.material, lesson.trained
    dataset, judged = trained.dataset, trained.judged
    return Card(
        strategy=material.strategy,
        symbol=material.symbol,
        version="",
        kind=_kind(trained.model),
        features=dataset.features.names,
        feature_hash=dataset.features.hash,
        trained=Span(int(dataset.at_ms[0]), int(dataset.at_ms[-1]) + 1),
        rows=len(dataset),
        positives=int(dataset.label.sum()),
        sources=_sources(trained.balance),
        metrics=Metrics(judged.auc, judged.precision, judged.recall, judged.brier),
        folds=tuple(_fold(dataset, number, judged) for number in range(len(judged.folds))),
        threshold=judged.threshold,
        parameters=_parameters(trained.kind, trained.settings, material.recipe, lesson),
        data_hash=data_hash(material),
        code_version=origin.code_version,
        git_commit=origin.git_commit,
        model_sha256="",
        imputation=imputation,
        calibration=tuple(Bin(one.low, one.high, one.rows, one.mean_score, one.won) for one in judged.bins),
        importances=_importances(dataset, trained.model, trained.permuted),
        canary=canary,
        ablation=_ablation(lesson),
        comparison=_comparison(lesson.comparison),
        seed=trained.seed,
        created_at_ms=origin.created_at_ms,
        advice=_advice(lesson.advised),
        reasons=(*lesson.advised.lines, *origin.remarks),
        profile=profile_of_lesson(lesson),
    )


def _sources(balance: Balance) -> dict[str, int]:
    """Rows by where they come from; signals that were followed live count by themselves."""
    lived = {PHANTOM: balance.lived} if balance.lived else {}
    return {SIGNAL: balance.signals - balance.lived, HOLD: balance.holds, **lived}


def _kind(model: Boosted | Network) -> Kind:
    return "lightgbm" if isinstance(model, Boosted) else "onnx"


def _advice(found: Advised) -> Advice:
    return "on" if found.word == ON else "off"


def _parameters(
    kind: str, settings: Mapping[str, object], recipe: Recipe, lesson: "Lesson[Boosted] | Lesson[Network]"
) -> dict[str, Setting]:
    """What the learner was set to, how rows were chosen, and what one symbol's strategy is traded with, by its name."""
    given = {**settings, **asdict(recipe), "timed_out": recipe.timed_out.value}
    plain = {name: value for name, value in given.items() if isinstance(value, bool | int | float | str)}
    found: dict[str, Setting] = {"backend": kind, **plain}
    found["signals_timed_out"] = lesson.trained.balance.timed_out
    parts = lesson.material.parts
    members = [part.frame.symbol for part in parts]
    if members != [lesson.material.symbol]:
        return {**found, "members": ", ".join(members)}
    return {
        **found,
        **{f"{lesson.material.strategy}.{name}": value for name, value in parts[0].values.items()},
    }


def _fold[Made: Fitted](dataset: Dataset, number: int, judged: Judged[Made]) -> Fold:
    """A fold as the card has it; precision and recall at the model's threshold."""
    fold, beyond = judged.folds[number], judged.beyond
    at_ms, split, here = dataset.at_ms, fold.split, beyond.fold == number
    labels, scored = beyond.label[here], beyond.score[here]
    precision, recall = at_threshold(labels, scored, judged.threshold)
    trained = Span(int(at_ms[split.train[0]]), int(at_ms[split.train[-1]]) + 1)
    return Fold(
        train=trained,
        validation=Span(fold.from_ms, fold.to_ms + 1),
        train_rows=fold.trained_rows,
        rows=len(split.validate),
        signals=fold.signals,
        metrics=Metrics(fold.auc, precision, recall, fold.brier),
    )


def _importances(dataset: Dataset, model: Boosted | Network, permuted: Array) -> tuple[Importance, ...]:
    """Every feature, the one that matters most first."""
    gains = model.gain() if isinstance(model, Boosted) else None
    order = np.argsort(-(gains if gains is not None else permuted), kind="stable").tolist()
    names = dataset.features.names
    return tuple(
        Importance(names[place], None if gains is None else float(gains[place]), float(permuted[place]))
        for place in order
    )


def _ablation(lesson: "Lesson[Boosted] | Lesson[Network]") -> Verdict:
    found = lesson.ablation
    figures = {
        "auc_a": found.everything,
        "auc_b": found.without_strength,
        "auc_c": found.without_both,
        "drop": found.drop,
    }
    return Verdict(found.word, found.reason, figures)


def _comparison(found: Comparison) -> Verdict:
    figures: dict[str, float | None] = {}
    for name, side in (("on", found.on), ("off", found.off)):
        figures |= {f"{key}_{name}": value for key, value in _side(side).items()}
    figures |= {
        "asked": float(found.asked),
        "passed": float(found.passed),
        "gain": _finite(found.gain),
        "luck": found.luck,
    }
    line = f"{found.passed} of {found.asked} trading signals pass; {found.on.trades} trades on, {found.off.trades} off"
    return Verdict(found.word, line, figures)


def _side(side: Side) -> dict[str, float | None]:
    return {
        "trades": float(side.trades),
        "profit_factor": _finite(side.profit_factor),
        "win_rate": side.win_rate,
        "net": side.net,
        "drawdown": side.drawdown,
        "sharpe": side.sharpe,
    }


def _finite(figure: float | None) -> float | None:
    return figure if figure is not None and isfinite(figure) else None


def canary_rows(dataset: Dataset) -> Matrix:
    """Some signal rows, spread over the whole time."""
    signals = np.flatnonzero(dataset.is_signal)
    places = np.linspace(0, len(signals) - 1, min(CANARIES, len(signals))).astype(np.int64)
    return dataset.rows[signals[places]]


def canaries(model: Fitted, rows: Matrix) -> tuple[Canary, ...]:
    """Rows with the scores that a loaded file must answer, too."""
    scores = model.scores(rows).tolist()
    return tuple(
        Canary(tuple(None if np.isnan(one) else float(one) for one in row), score)
        for row, score in zip(rows, scores, strict=True)
    )


def profile_of_lesson[Made: (Boosted, Network)](lesson: Lesson[Made]) -> Profile:
    """What the signals looked like that would be traded, on the bars of the folds, and what these said of them."""
    gate = gate_of(lesson.material, lesson.trained.judged)
    scored = np.isfinite(gate.score)
    rows = np.concatenate([part.asked for part in lesson.material.parts])
    return profile_of(rows[scored], gate.score[scored])


def data_hash(material: Subject) -> str:
    """SHA-256 over all symbols' candles, those beside them, all figures in between, and what was lived."""
    digest = sha256()
    for part in material.parts:
        _digest_sources(digest, part.sources)
    data = material.dataset
    if data.lived.any():
        for column in (data.rows[data.lived], data.at_ms[data.lived], data.label[data.lived]):
            digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def _digest_sources(digest: "Hash", sources: Sources) -> None:
    for frame in (sources.frame, sources.btc, sources.eth):
        digest.update(_frame_mark(frame))
    for known in (sources.points, sources.btc_points, sources.eth_points):
        for name, points in sorted(known.items()):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(points.at_ms, dtype="<i8").tobytes())
            digest.update(np.ascontiguousarray(points.value, dtype="<f8").tobytes())
    for name, column in sorted(sources.outside.items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(column, dtype="<f8").tobytes())


def _frame_mark(frame: Frame | None) -> bytes:
    return b"none" if frame is None or not len(frame) else data_mark(frame).sha256.encode()
