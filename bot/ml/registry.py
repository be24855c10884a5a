"""All features by name and group. Importing this compiles nothing: a desk may list them without models."""

from collections.abc import Iterable
from difflib import get_close_matches

from bot.domain.errors import QuarterdeckError
from bot.ml import cluster, columns, context, structure
from bot.ml.feature import Feature, FeatureSet, Group

GROUPS: tuple[Group, ...] = ("base", "context", "structure", "cluster")
FEATURES: tuple[Feature, ...] = (
    *columns.FEATURES,
    *context.FEATURES,
    *structure.FEATURES,
    *cluster.FEATURES,
)
_BY_NAME = {feature.name: feature for feature in FEATURES}


class UnknownFeature(QuarterdeckError):
    """No feature or group of this name; one line says which and what there is."""


def feature_set(wanted: Iterable[str]) -> FeatureSet:
    """Features by names and groups, each once, in the order asked for; groups in the registry's order."""
    found: dict[str, Feature] = {}
    for name in wanted:
        found.update((one.name, one) for one in _meant(name))
    return FeatureSet(tuple(found.values()))


def _meant(name: str) -> tuple[Feature, ...]:
    if name in GROUPS:
        return tuple(feature for feature in FEATURES if feature.group == name)
    if name in _BY_NAME:
        return (_BY_NAME[name],)
    near = get_close_matches(name, [*GROUPS, *_BY_NAME], 1)
    hint = f"; do you mean {near[0]}?" if near else "."
    raise UnknownFeature(f"no feature or group {name!r}{hint} Groups: {', '.join(GROUPS)}")
