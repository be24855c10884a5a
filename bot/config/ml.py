"""Settings of machine learning: what filters signals, when models are trained, how long a signal is followed."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator

from bot.config.kinds import CRON_RULE, NAME_RULE, Cron, is_plain_name
from bot.config.values import Number, Section, Text, Whole, refused, setting, shown
from bot.domain.model import ModelMode

THRESHOLD = Decimal("0.55")
THRESHOLDS = {"composite": THRESHOLD, "pullback": Decimal("0.70")}
"""What a model asks of a signal where its training finds no threshold: the score from which it passes, by strategy."""
FEATURES = {"composite": "base", "pullback": "base,structure"}
"""What a strategy's models look at where nothing else is set, groups or features by commas."""


class OnError(StrEnum):
    """What becomes of a signal whose model gives no score."""

    PASS = "pass"  # noqa: S105 - a word, not a secret
    BLOCK = "block"


def _folder(text: str) -> str:
    if not text.strip() or "\0" in text:
        raise ValueError
    return text


def _thresholds(given: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
    for strategy, threshold in given.items():
        if not is_plain_name(strategy):
            raise refused(f"{shown(strategy)} is no strategy's name; {NAME_RULE}")
        if not 0 <= threshold <= 1:
            raise refused(f"{shown(threshold)} is not allowed; number from 0 to 1", strategy)
    return given


def _features(given: Mapping[str, str]) -> Mapping[str, str]:
    for strategy, names in given.items():
        if not is_plain_name(strategy):
            raise refused(f"{shown(strategy)} is no strategy's name; {NAME_RULE}")
        fault = _fault_of(names)
        if fault:
            raise refused(fault, strategy)
    return given


def _fault_of(names: str) -> str:
    """What is wrong with groups and features by commas."""
    from bot.ml.registry import UnknownFeature, feature_set  # only who sets some pays for the list

    listed = listed_features(names)
    if not listed:
        return "names nothing; groups or features by commas, like base,context"
    try:
        feature_set(listed)
    except UnknownFeature as error:
        return str(error)
    return ""


def listed_features(names: str) -> tuple[str, ...]:
    """Names by commas, one by one."""
    return tuple(name.strip() for name in names.split(",") if name.strip())


type Folder = Annotated[Text, AfterValidator(_folder)]
type Thresholds = Annotated[Mapping[str, Number], AfterValidator(_thresholds)]
type Features = Annotated[Mapping[str, Text], AfterValidator(_features)]


class Ml(Section):
    """Models that judge signals, and the signals that are followed beside trading."""

    mode: ModelMode = setting(
        ModelMode.OFF,
        "How symbols start: off asks no model; shadow notes scores; on refuses what is below. /ml changes it.",
    )
    folder: Folder = setting(
        "models", "Where models lie; what does not begin with / lies in the home.", allowed="a folder"
    )
    on_error: OnError = setting(
        OnError.BLOCK, "Signals whose model gives no score: block refuses them, pass lets them through."
    )
    thresholds: Thresholds = setting(
        THRESHOLDS,
        "Score asked by new models whose training finds none (best precision at a recall of 0.35 or more).",
        allowed="map of strategy to a number from 0 to 1",
    )
    features: Features = setting(
        FEATURES,
        "What a strategy's models look at: groups or features by commas; other strategies: base.",
        allowed="map of strategy to groups or features by commas",
    )
    weekly: Cron = setting("0 4 * * sun", "The weekly training, in the time zone above.", allowed=CRON_RULE)
    clusters: Cron = setting(
        "0 3 * * sun", "When symbols are grouped by how they behave, from 6 symbols on.", allowed=CRON_RULE
    )
    retrain_every: Whole = setting(
        100, "Finished signals of a symbol after which it is trained anew.", low=10, high=100_000
    )
    trial_signals: Whole = setting(
        50, "Signals that a new model scores beside the old one before it is proposed.", low=1, high=10_000
    )
    drift: Cron = setting(
        "0 5 * * sun", "When late signals are held against those of the training.", allowed=CRON_RULE
    )
    evolution_outcomes: Whole = setting(
        150,
        "Finished signals until a symbol's own model may leave shadow; 0: it may at once.",
        low=0,
        high=100_000,
    )
    psi_warning: Number = setting(
        Decimal("0.25"),
        "Weekly shift of features or scores (population stability index) that is warned of.",
        low="0.01",
        high=10,
    )
    lookahead: Whole = setting(
        24, "Bars until a signal's time is over, for labels and phantoms.", low=1, high=500, unit="bars"
    )
    standard_notional: Number = setting(
        Decimal(1000),
        "Size at which signals are followed that were refused before they had one.",
        low="0.01",
        high=10_000_000,
        unit="quote asset",
    )

    def threshold_of(self, strategy: str) -> Decimal:
        """What a strategy's new model asks where its training finds no threshold: as set, else the default."""
        return self.thresholds.get(strategy, THRESHOLDS.get(strategy, THRESHOLD))

    def features_of(self, strategy: str) -> tuple[str, ...]:
        """Groups and features set for a strategy, else its default, else the base group."""
        return listed_features(self.features.get(strategy, FEATURES.get(strategy, "base")))
