"""The card of a model: what it was made from, how well it did, what it must answer. `card.json` beside the model."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import isfinite
from typing import Literal

from bot.domain.model import CLUSTERED, GENERAL
from bot.ml.model import ModelError
from bot.ml.strict import read_as

type Kind = Literal["lightgbm", "onnx"]
type Advice = Literal["on", "shadow", "off"]
"""How it should be run: it decides, it only scores beside, or not at all."""
type Setting = bool | int | float | str | None

MOST_FEATURES = 1_000
CANARIES = 64
"""The most canary rows."""
EDGES = 64
"""The most edges of a histogram."""
LONGEST_TEXT, LONGEST_SETTING = 1_000, 10_000
MOST_LINES = 100
"""Reasons, sources, figures of a verdict, folds, bins, settings."""
LATEST_MS = 253_370_764_800_000
"""Times lie before the year 9999: whoever shows them need not ask whether there is such a day."""

_STRATEGY = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_SYMBOL = re.compile(rf"[A-Z0-9]{{2,30}}|{GENERAL}|{CLUSTERED}[0-9]{{1,3}}")
_VERSION = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_FEATURE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HALF = re.compile("[\ud800-\udfff]")

STRATEGY_RULE = "small letters, digits, - and _, at most 32"
SYMBOL_RULE = f"capital letters and digits such as BTCUSDT, {GENERAL}, or {CLUSTERED}NUMBER"
VERSION_RULE = "small letters, digits and -, at most 40"


@dataclass(frozen=True, slots=True)
class Span:
    """Times from (with it) to (without it)."""

    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class Metrics:
    """Figures of scores against outcomes; None where there was nothing to measure (one class, no signal above)."""

    auc: float | None
    precision: float | None
    recall: float | None
    brier: float | None


@dataclass(frozen=True, slots=True)
class Fold:
    """One step of the walk-forward: rows trained on, rows looked at, how many of these were signals."""

    train: Span
    validation: Span
    train_rows: int
    rows: int
    signals: int
    metrics: Metrics


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of the reliability picture: scores low to high, rows in it, their mean score, share of targets."""

    low: float
    high: float
    rows: int
    predicted: float
    observed: float


@dataclass(frozen=True, slots=True)
class Importance:
    """How much a feature matters: gain in the trees, loss of AUC when shuffled; None where not measured."""

    feature: str
    gain: float | None
    permutation: float | None


@dataclass(frozen=True, slots=True)
class Canary:
    """A row (None: missing input) and the score that the trainer saw for it; a loaded model must answer the same."""

    row: tuple[float | None, ...]
    score: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a trial ended with: one word or two, why in one line, its figures by name."""

    word: str
    reason: str
    figures: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many figures lay where: `counts[i]` from edge i-1 (with it) to edge i (without it), and how many missed."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    missing: int

    @property
    def rows(self) -> int:
        """All of them, the missing ones too."""
        return sum(self.counts) + self.missing


@dataclass(frozen=True, slots=True)
class Profile:
    """What the signals that a model was made for looked like: every feature in the card's order, and their scores."""

    features: tuple[Histogram, ...]
    scores: Histogram


@dataclass(frozen=True, slots=True)
class Card:
    """All that is known of a model. Normalisations follow from the features: `feature_hash` is the registry's.

    `version` and `model_sha256` may be empty until the model is written. `sources` counts rows by where they come from
    (signal, hold, phantom). `imputation` holds one figure per feature that stands for a missing one; none where the
    model takes NaN. `positives` are rows that reached the target. `profile` is what later signals are held against,
    None where they cannot be.
    """

    strategy: str
    symbol: str
    version: str
    kind: Kind
    features: tuple[str, ...]
    feature_hash: str
    trained: Span
    rows: int
    positives: int
    sources: dict[str, int]
    metrics: Metrics
    folds: tuple[Fold, ...]
    threshold: float
    parameters: dict[str, Setting]
    data_hash: str
    code_version: str
    git_commit: str
    model_sha256: str
    imputation: tuple[float, ...]
    calibration: tuple[Bin, ...]
    importances: tuple[Importance, ...]
    canary: tuple[Canary, ...]
    ablation: Verdict | None
    comparison: Verdict | None
    seed: int
    created_at_ms: int
    advice: Advice
    reasons: tuple[str, ...]
    profile: Profile | None

    @property
    def balance(self) -> float:
        """Share of rows that reached the target; 0 without rows."""
        return self.positives / self.rows if self.rows else 0.0


def card_text(card: Card) -> bytes:
    """The card as JSON. Raises ModelError for what `card_of` would refuse."""
    _check(card, "card")
    try:
        return json.dumps(asdict(card), indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    except ValueError:
        raise ModelError("card: a figure is not finite; finite numbers are allowed") from None


def card_of(text: bytes, file: str = "card.json") -> Card:
    """The card that JSON describes; `file` names it in errors. Raises ModelError."""
    card = read_as(Card, text, file)
    _check(card, file)
    return card


def check_strategy(name: str) -> str:
    """The name of a strategy's folder, or ModelError."""
    return _named(_STRATEGY, name, "strategy", STRATEGY_RULE)


def check_symbol(name: str) -> str:
    """A symbol, a cluster's or the general name, or ModelError."""
    return _named(_SYMBOL, name, "symbol", SYMBOL_RULE)


def check_version(name: str) -> str:
    """The name of a version's folder, or ModelError."""
    return _named(_VERSION, name, "version", VERSION_RULE)


def _named(rule: re.Pattern[str], name: str, what: str, allowed: str) -> str:
    if not rule.fullmatch(name):
        raise ModelError(f"{what} {name[:60]!r} is not allowed; {allowed}")
    return name


def _check(card: Card, file: str) -> None:
    for fault in _faults(card):
        raise ModelError(f"{file}: {fault}")


def _faults(card: Card) -> Iterator[str]:
    """What is wrong beyond types, most telling first."""
    yield from _naming_faults(card)
    yield from _size_faults(card)
    yield from _text_faults(card)
    yield from _time_faults(card)
    yield from _row_faults(card)
    yield from _share_faults(card)
    yield from _profile_faults(card)
    if card.trained.from_ms > card.trained.to_ms:
        yield "trained: ends before it begins"
    if not 0 <= card.positives <= card.rows:
        yield f"positives: {card.positives} of {card.rows} rows; 0 to rows are allowed"
    if min(card.sources.values(), default=0) < 0 or sum(card.sources.values()) != card.rows:
        yield f"sources: the counts must add up to {card.rows} rows"
    if card.seed < 0 or card.created_at_ms < 0:
        yield "seed and created_at_ms: 0 or more is allowed"


def _naming_faults(card: Card) -> Iterator[str]:
    names: tuple[tuple[str, str, re.Pattern[str], str, bool], ...] = (
        ("strategy", card.strategy, _STRATEGY, STRATEGY_RULE, False),
        ("symbol", card.symbol, _SYMBOL, SYMBOL_RULE, False),
        ("version", card.version, _VERSION, VERSION_RULE, True),
        ("feature_hash", card.feature_hash, _SHA256, "64 hexadecimal digits", False),
        ("model_sha256", card.model_sha256, _SHA256, "64 hexadecimal digits", True),
    )
    for key, value, rule, allowed, may_lack in names:
        if not rule.fullmatch(value) and not (may_lack and not value):
            yield f"{key}: {value[:60]!r} is not allowed; {allowed}"
    if not 1 <= len(card.features) <= MOST_FEATURES:
        yield f"features: {len(card.features)} names; 1 to {MOST_FEATURES} are allowed"
    for name in card.features:
        if not _FEATURE.fullmatch(name):
            yield f"features: {name[:60]!r} is not allowed; small letters, digits and _, at most 64"
    if len(set(card.features)) != len(card.features):
        yield "features: a name stands there twice"


def _size_faults(card: Card) -> Iterator[str]:
    """A card is shown to people, and waited for: there is an end to it."""
    verdicts = [(name, one) for name, one in _verdicts(card) if one is not None]
    sizes = (
        ("reasons", len(card.reasons)),
        ("sources", len(card.sources)),
        ("folds", len(card.folds)),
        ("calibration", len(card.calibration)),
        ("parameters", len(card.parameters)),
        *((f"{name}.figures", len(one.figures)) for name, one in verdicts),
    )
    for key, size in sizes:
        if size > MOST_LINES:
            yield f"{key}: {size}; at most {MOST_LINES} are allowed"
    if len(card.importances) > len(card.features):
        yield f"importances: {len(card.importances)} for {len(card.features)} features"


def _text_faults(card: Card) -> Iterator[str]:
    """Words can be shown, kept and sent; half a character (a surrogate) breaks whoever writes it."""
    for key, text, longest in _texts(card):
        if len(text) > longest:
            yield f"{key}: {len(text)} characters; at most {longest} are allowed"
        elif _HALF.search(text):
            yield f"{key}: {text[:40]!r} is not allowed; whole characters"


def _texts(card: Card) -> Iterator[tuple[str, str, int]]:
    """Every text that a name's rule does not bound, with its key and how long it may be."""
    yield from (
        (key, getattr(card, key), LONGEST_TEXT) for key in ("data_hash", "code_version", "git_commit")
    )
    yield from ((f"reasons[{index}]", text, LONGEST_TEXT) for index, text in enumerate(card.reasons))
    yield from (("sources", name, LONGEST_TEXT) for name in card.sources)
    for name, value in card.parameters.items():
        yield "parameters", name, LONGEST_TEXT
        if isinstance(value, str):
            yield f"parameters.{name[:40]}", value, LONGEST_SETTING
    for name, verdict in _verdicts(card):
        if verdict is not None:
            yield f"{name}.word", verdict.word, LONGEST_TEXT
            yield f"{name}.reason", verdict.reason, LONGEST_TEXT
            yield from ((f"{name}.figures", figure, LONGEST_TEXT) for figure in verdict.figures)


def _verdicts(card: Card) -> Iterator[tuple[str, Verdict | None]]:
    yield "ablation", card.ablation
    yield "comparison", card.comparison


def _time_faults(card: Card) -> Iterator[str]:
    spans = [("trained", card.trained)]
    for index, fold in enumerate(card.folds):
        spans += [(f"folds[{index}].train", fold.train), (f"folds[{index}].validation", fold.validation)]
    times = [("created_at_ms", card.created_at_ms)]
    for key, span in spans:
        times += [(f"{key}.from_ms", span.from_ms), (f"{key}.to_ms", span.to_ms)]
    for key, at_ms in times:
        if not -LATEST_MS < at_ms < LATEST_MS:
            yield f"{key}: {at_ms} is not allowed; milliseconds since 1970, before the year 9999"


def _row_faults(card: Card) -> Iterator[str]:
    width = len(card.features)
    if not 1 <= len(card.canary) <= CANARIES:
        yield f"canary: {len(card.canary)} rows; 1 to {CANARIES} are allowed"
    for index, canary in enumerate(card.canary):
        if len(canary.row) != width:
            yield f"canary[{index}].row: {len(canary.row)} figures for {width} features"
    if len(card.imputation) not in {0, width}:
        yield f"imputation: {len(card.imputation)} figures for {width} features; one for each, or none"
    if card.kind == "onnx" and not card.imputation:
        yield "imputation: missing; an ONNX model needs one figure for each feature"
    strange = {one.feature for one in card.importances} - set(card.features)
    if strange:
        yield f"importances: {min(strange)[:60]!r} is none of the features"


def _share_faults(card: Card) -> Iterator[str]:
    for key, share in _shares(card):
        if share is not None and not (isfinite(share) and 0 <= share <= 1):
            yield f"{key}: {share} is not allowed; 0 to 1"
    for before, after in pairwise(card.calibration):
        if before.high > after.low:
            yield "calibration: bins must follow each other"


def _profile_faults(card: Card) -> Iterator[str]:
    if card.profile is None:
        return
    found, width = card.profile.features, len(card.features)
    if len(found) != width:
        yield f"profile.features: {len(found)} histograms for {width} features"
    for index, one in enumerate(found):
        yield from _histogram_faults(f"profile.features[{index}]", one)
        if one.rows != found[0].rows:
            yield f"profile.features[{index}]: counts {one.rows} rows, the first {found[0].rows}"
    yield from _histogram_faults("profile.scores", card.profile.scores)


def _histogram_faults(at: str, one: Histogram) -> Iterator[str]:
    if len(one.edges) > EDGES:
        yield f"{at}.edges: {len(one.edges)}; at most {EDGES} are allowed"
    if not all(map(isfinite, one.edges)) or any(a >= b for a, b in pairwise(one.edges)):
        yield f"{at}.edges: each must be a finite number above the one before"
    if len(one.counts) != len(one.edges) + 1:
        yield f"{at}.counts: {len(one.counts)} for {len(one.edges)} edges; one more than edges"
    if min((*one.counts, one.missing)) < 0:
        yield f"{at}: counts of 0 or more are allowed"


def _shares(card: Card) -> Iterator[tuple[str, float | None]]:
    """Every figure that is a share or a probability, with its key."""
    yield "threshold", card.threshold
    yield from _of_metrics("metrics", card.metrics)
    for index, fold in enumerate(card.folds):
        yield from _of_metrics(f"folds[{index}].metrics", fold.metrics)
    for index, one in enumerate(card.calibration):
        for name in ("low", "high", "predicted", "observed"):
            yield f"calibration[{index}].{name}", getattr(one, name)
    for index, canary in enumerate(card.canary):
        yield f"canary[{index}].score", canary.score


def _of_metrics(at: str, metrics: Metrics) -> Iterator[tuple[str, float | None]]:
    for name in ("auc", "precision", "recall", "brier"):
        yield f"{at}.{name}", getattr(metrics, name)
