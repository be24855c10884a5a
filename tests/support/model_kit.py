"""Small models and their cards for tests."""

from dataclasses import replace
from functools import cache
from hashlib import sha256
from math import isnan, nan
from typing import TYPE_CHECKING

import lightgbm
import numpy as np

from bot.ml.card import (
    Bin,
    Canary,
    Card,
    Fold,
    Histogram,
    Importance,
    Kind,
    Metrics,
    Profile,
    Span,
    Verdict,
)
from bot.ml.feature import Matrix, hash_of

if TYPE_CHECKING:
    from sklearn.neural_network import MLPClassifier

FEATURES = ("rsi", "macd_hist", "oi_change", "adx")
PROFILE = Profile((Histogram((-0.5, 0.5), (50, 45, 48), 7),) * len(FEATURES), Histogram((0.5,), (80, 60), 0))
HASH = hash_of([f"{name}|plain|1" for name in FEATURES])


def hasher(names: tuple[str, ...]) -> str:
    """What the registry says of features, all plain and of version 1."""
    return hash_of([f"{name}|plain|1" for name in names])


def rows(count: int, seed: int = 1, width: int = len(FEATURES)) -> Matrix:
    """Seeded rows, one figure in twenty missing."""
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(count, width))
    found[rng.random(found.shape) < 0.05] = nan
    return found


@cache
def booster(seed: int = 1, trees: int = 12, width: int = len(FEATURES), leaves: int = 7) -> lightgbm.Booster:
    """A small trained model; another seed, another model."""
    given = rows(600, seed, width)
    noise = np.random.default_rng(seed + 1).normal(size=len(given))
    names = list(FEATURES) if width == len(FEATURES) else [f"f{index}" for index in range(width)]
    return lightgbm.train(
        {"objective": "binary", "verbose": -1, "num_threads": 1, "num_leaves": leaves, "seed": seed},
        lightgbm.Dataset(given, (np.nan_to_num(given[:, 0]) + noise > 0).astype(float), feature_name=names),
        trees,
    )


@cache
def text(seed: int = 1, trees: int = 12) -> bytes:
    """The model as LightGBM writes it."""
    return booster(seed, trees).model_to_string().encode()


def canary(scores_of: object = None, seed: int = 1) -> tuple[Canary, ...]:
    """Four rows and what the trainer's booster says to them."""
    asked = rows(4, 99)
    found = np.asarray((scores_of or booster(seed)).predict(asked))  # type: ignore[attr-defined]
    return tuple(
        Canary(tuple(None if isnan(one) else one for one in row), float(score))
        for row, score in zip(asked.tolist(), found, strict=True)
    )


def card(symbol: str = "XRPUSDT", *, seed: int = 1, kind: Kind = "lightgbm", version: str = "") -> Card:
    """A whole card of the model made from `seed`, its hash that of `text(seed)`."""
    metrics = Metrics(0.61, 0.58, 0.4, 0.24)
    return Card(
        strategy="composite",
        symbol=symbol,
        version=version,
        kind=kind,
        features=FEATURES,
        feature_hash=HASH,
        trained=Span(1_690_000_000_000, 1_700_000_000_000),
        rows=600,
        positives=290,
        sources={"signal": 150, "hold": 450},
        metrics=metrics,
        folds=(Fold(Span(1, 2), Span(3, 4), 400, 200, 50, metrics),),
        threshold=0.55,
        parameters={"num_leaves": 7, "learning_rate": 0.1, "boosting": "gbdt", "deterministic": True},
        data_hash="d" * 64,
        code_version="0.1.0",
        git_commit="0123abc",
        model_sha256=sha256(text(seed)).hexdigest() if kind == "lightgbm" else "",
        imputation=() if kind == "lightgbm" else (0.0, 0.1, 0.2, 0.3),
        calibration=(Bin(0.0, 0.5, 300, 0.4, 0.41), Bin(0.5, 1.0, 300, 0.6, 0.58)),
        importances=(Importance("rsi", 12.5, 0.01), Importance("adx", 3.0, None)),
        canary=canary(seed=seed),
        ablation=Verdict("useful", "A-C drops 0.02", {"auc_a": 0.61, "auc_c": 0.59}),
        comparison=None,
        seed=seed,
        created_at_ms=1_710_000_000_000 + seed,
        advice="shadow",
        reasons=("63 signals in fold 1; 100 are wanted",),
        profile=PROFILE,
    )


def with_hash(one: Card, content: bytes) -> Card:
    """The card as if it had been written for this content."""
    return replace(one, model_sha256=sha256(content).hexdigest())


@cache
def onnx_booster(seed: int = 1) -> bytes:
    """The booster as an ONNX file."""
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    made = convert_lightgbm(
        booster(seed), initial_types=[("rows", FloatTensorType([None, len(FEATURES)]))], zipmap=False
    )
    return bytes(made.SerializeToString())


@cache
def network(seed: int = 1) -> "MLPClassifier":
    """A small neural network of scikit-learn."""
    from sklearn.neural_network import MLPClassifier

    given = np.nan_to_num(rows(300, seed))
    return MLPClassifier((8, 4), solver="lbfgs", max_iter=2_000, random_state=seed).fit(
        given, given[:, 0] > 0.2
    )


@cache
def onnx_network(seed: int = 1) -> bytes:
    """The network as an ONNX file."""
    from skl2onnx import to_onnx

    learner = network(seed)
    made = to_onnx(learner, rows(1).astype(np.float32), options={id(learner): {"zipmap": False}})
    return bytes(made.SerializeToString())


def knowing_nothing(seed: int, width: int) -> lightgbm.Booster:
    """A small model of `width` features: it knows nothing, and says something else for every bar."""
    rows = np.random.default_rng(seed).normal(size=(400, width))
    parameters = {"objective": "binary", "verbose": -1, "num_threads": 1, "num_leaves": 15, "seed": seed}
    return lightgbm.train(parameters, lightgbm.Dataset(rows, rows[:, 0] + rows[:, 5] > 0), 20)
