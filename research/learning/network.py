"""A small neural network by scikit-learn: one hidden layer on standardised figures, missing ones put in place first."""

import warnings
from dataclasses import asdict, dataclass, field

import numpy as np

from bot.ml.feature import Matrix
from bot.strategy import Array
from research.learning.dataset import Dataset

KIND = "mlp"
CLIPPED = 6.0
"""Standard deviations beyond which a figure counts as this."""


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """By scikit-learn's names."""

    hidden: int = 16
    alpha: float = 1e-2
    learning_rate_init: float = 3e-3
    batch_size: int = 256
    max_iter: int = 20


@dataclass(frozen=True, slots=True)
class Layer:
    """Weights of shape (inputs, outputs), and what is added to each output."""

    weights: Matrix
    bias: Array


@dataclass(frozen=True, slots=True)
class Network:
    """A trained network as plain arrays. `imputation` stands for missing figures, before `mean` and `scale`."""

    imputation: Array
    mean: Array
    scale: Array
    layers: tuple[Layer, ...]

    def scores(self, rows: Matrix) -> Array:
        """Probabilities."""
        known = np.where(np.isnan(rows), self.imputation, rows)
        values = np.clip((known - self.mean) / self.scale, -CLIPPED, CLIPPED)
        for layer in self.layers[:-1]:
            values = np.maximum(values @ layer.weights + layer.bias, 0.0)
        last = self.layers[-1]
        odds = (values @ last.weights + last.bias)[:, 0]
        return np.asarray(1.0 / (1.0 + np.exp(-odds)))


@dataclass(frozen=True, slots=True)
class Networking:
    """The learner."""

    set_to: NetworkSettings = field(default_factory=NetworkSettings)

    @property
    def kind(self) -> str:
        """mlp."""
        return KIND

    def settings(self) -> dict[str, object]:
        """By scikit-learn's names."""
        return asdict(self.set_to)

    def fit(self, dataset: Dataset, seed: int) -> Network:
        """Train on all rows."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPClassifier

        imputation = medians(dataset.rows)
        known = np.where(np.isnan(dataset.rows), imputation, dataset.rows)
        mean, scale = known.mean(axis=0), known.std(axis=0)
        scale[scale == 0.0] = 1.0
        asked = self.set_to
        classifier = MLPClassifier(
            (asked.hidden,),
            alpha=asked.alpha,
            learning_rate_init=asked.learning_rate_init,
            batch_size=min(asked.batch_size, len(dataset)),
            max_iter=asked.max_iter,
            random_state=seed % (1 << 32),
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the number of rounds is chosen, not found
            standard = np.clip((known - mean) / scale, -CLIPPED, CLIPPED)
            classifier.fit(standard, dataset.label, sample_weight=dataset.weight)
        layers = tuple(
            Layer(np.asarray(weights, np.float64), np.asarray(bias, np.float64))
            for weights, bias in zip(classifier.coefs_, classifier.intercepts_, strict=True)
        )
        return Network(imputation, mean, scale, layers)


def medians(rows: Matrix) -> Array:
    """Of each column's known figures; 0 where none is known."""
    columns = (column[~np.isnan(column)] for column in rows.T)
    return np.array([float(np.median(column)) if len(column) else 0.0 for column in columns])
