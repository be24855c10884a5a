"""LightGBM: boosted trees, trained alike to the last digit from the same seed."""

from dataclasses import asdict, dataclass, field

import lightgbm
import numpy as np

from bot.ml.feature import Matrix
from bot.strategy import Array
from research.learning.dataset import Dataset

KIND = "lightgbm"
THREADS = 1
"""Fixed: sums of another number of threads differ in their last digits, and a year of one symbol needs no more."""


@dataclass(frozen=True, slots=True)
class BoostSettings:
    """What tuning may turn; names as LightGBM has them."""

    n_estimators: int = 150
    learning_rate: float = 0.03
    max_depth: int = 4
    num_leaves: int = 12
    min_child_samples: int = 30
    subsample: float = 0.8
    colsample_bytree: float = 0.8
    reg_alpha: float = 1e-2
    reg_lambda: float = 1e-1


@dataclass(frozen=True, slots=True)
class Boosted:
    """A trained booster."""

    booster: lightgbm.Booster

    def scores(self, rows: Matrix) -> Array:
        """Probabilities."""
        if not len(rows):
            return np.empty(0)
        return np.asarray(self.booster.predict(rows, num_threads=1), dtype=np.float64)

    def text(self) -> str:
        """As LightGBM's own text file has it."""
        return str(self.booster.model_to_string())

    def gain(self) -> Array:
        """What splits on each feature gained all in all, as shares of the whole."""
        gained = np.asarray(self.booster.feature_importance("gain"), dtype=np.float64)
        whole = float(gained.sum())
        return gained / whole if whole > 0.0 else gained


@dataclass(frozen=True, slots=True)
class Boosting:
    """The learner."""

    set_to: BoostSettings = field(default_factory=BoostSettings)

    @property
    def kind(self) -> str:
        """lightgbm."""
        return KIND

    def settings(self) -> dict[str, object]:
        """By LightGBM's names."""
        return asdict(self.set_to)

    def fit(self, dataset: Dataset, seed: int) -> Boosted:
        """Train on all rows."""
        params = _params(self.set_to, seed)
        rows = lightgbm.Dataset(
            dataset.rows,
            label=dataset.label.astype(np.float64),
            weight=dataset.weight,
            feature_name=list(dataset.features.names),
            params=params,
        )
        return Boosted(lightgbm.train(params, rows, num_boost_round=self.set_to.n_estimators))


def boosted_of(text: bytes) -> Boosted:
    """The model of a text file, which has been checked before."""
    return Boosted(lightgbm.Booster(model_str=text.decode("ascii")))


def _params(settings: BoostSettings, seed: int) -> dict[str, object]:
    turned = {name: value for name, value in asdict(settings).items() if name != "n_estimators"}
    return {
        **turned,
        "objective": "binary",
        "subsample_freq": 1,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": THREADS,
        "feature_pre_filter": False,
        "verbosity": -1,
    }
