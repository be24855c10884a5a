"""The context features: how many accounts are long, of the symbol and of BTC."""

from functools import partial

from bot.ml.columns import change_of, once
from bot.ml.feature import RATIO_GLOBAL, RATIO_TOP, Feature, Inputs, Shared, Windows

BACK = 5
"""Bars over which the ratios' change is told."""


def ratio(of: Shared, name: str, inputs: Inputs) -> Windows:
    """Long accounts over short ones: the symbol's, or BTC's."""
    if of == "btc":
        return inputs.btc.ratio_top if name == RATIO_TOP else inputs.btc.ratio_global
    return inputs.points[name]


def change(of: Shared, name: str, inputs: Inputs) -> Windows:
    """The ratio's growth over BACK bars, a fraction."""
    kept = inputs.btc.kept if of == "btc" else inputs.kept
    known = ratio(of, name, inputs)
    return once(kept, f"{name}_change", lambda: change_of(known, BACK, inputs.read))


def _pair(of: Shared, name: str, who: str) -> tuple[Feature, Feature]:
    whose, need = ("of BTC ", f"btc_{name}") if of else ("", name)
    meaning = f"long accounts over short ones {whose}among {who}"
    return (
        Feature(need, "context", meaning, partial(ratio, of, name), needs=(need,), shared=of),
        Feature(
            f"{need}_change",
            "context",
            f"growth of {need} over {BACK} bars",
            partial(change, of, name),
            needs=(need,),
            shared=of,
        ),
    )


WHOSE: tuple[Shared, ...] = ("", "btc")

FEATURES = tuple(
    feature
    for of in WHOSE
    for name, who in ((RATIO_TOP, "the fifth with the highest balances"), (RATIO_GLOBAL, "all"))
    for feature in _pair(of, name, who)
)
