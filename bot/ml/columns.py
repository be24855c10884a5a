"""The base features: indicators, returns, the market's leaders, open interest and funding.

What has a price's unit is divided by the price, so that it means the same at every price and in every symbol.
Compiled code is imported where it is used: a desk without models never loads the compiler.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from bot.ml.feature import DEEPEST, FUNDING_RATE, OPEN_INTEREST, Feature, Inputs, Shared, Windows
from bot.ml.normal import normalised

RS_MOST = 10.0
"""Relative strength is held within this: beyond it says only that the other symbol hardly moved."""
RS_BARS = 5
"""Bars whose returns relative strength compares."""


type Told = Callable[[Inputs], Windows]
"""Makes values of the bars that are read only."""


def read(inputs: Inputs, column: Windows) -> Windows:
    """A column's values at the bars that are read."""
    return column[:, inputs.read :]


def told(make: Told, inputs: Inputs) -> Windows:
    """A feature's column from its values at the bars that are read."""
    out = np.empty(inputs.close.shape)
    out[:, inputs.read :] = make(inputs)
    return out


def once(kept: dict[str, Windows], name: str, make: Callable[[], Windows]) -> Windows:
    """The column of this name, made at the first call."""
    found = kept.get(name)
    if found is None:
        kept[name] = found = make()
    return found


def deep(inputs: Inputs) -> int:
    """The first bar on which a column's value can matter."""
    return max(0, inputs.first - DEEPEST)


def indicator(name: str, inputs: Inputs) -> Windows:
    """One of bot.ml.arrays.Indicators; all of them are made together."""
    if name not in inputs.kept:
        _make_indicators(inputs)
    return inputs.kept[name]


def _make_indicators(inputs: Inputs) -> None:
    from bot.ml import arrays

    made = arrays.Indicators(*np.empty((len(arrays.Indicators._fields), *inputs.close.shape)))
    prices = arrays.Prices(inputs.high, inputs.low, inputs.close, inputs.volume)
    arrays.indicators(prices, arrays.Reach(deep(inputs), inputs.first, inputs.read), made)
    inputs.kept.update(made._asdict())


def change_of(values: Windows, back: int, begin: int) -> Windows:
    """Growth over `back` bars, a fraction, from bar `begin` on."""
    from bot.ml import arrays

    out = np.empty(values.shape)
    arrays.change(values, back, begin, out)
    return out


def growth(back: int, inputs: Inputs) -> Windows:
    """The symbol's own return over `back` bars."""
    return once(inputs.kept, f"ret_{back}", lambda: change_of(inputs.close, back, deep(inputs)))


def growth_beside(of: Shared, back: int, inputs: Inputs) -> Windows:
    """The return of BTC or ETH over `back` bars of the symbol."""
    beside = inputs.btc if of == "btc" else inputs.eth
    return once(beside.kept, f"ret_{back}", lambda: change_of(beside.close, back, deep(inputs)))


def strength_against(of: Shared, inputs: Inputs) -> Windows:
    """The symbol's return over that of BTC or ETH."""
    from bot.ml import arrays

    out = np.empty(inputs.close.shape)
    own, other = growth(RS_BARS, inputs), growth_beside(of, RS_BARS, inputs)
    arrays.ratio(own, other, RS_MOST, inputs.read, out)
    return out


def oi_change(inputs: Inputs) -> Windows:
    """Growth of the open interest since the bar before."""
    known = inputs.points[OPEN_INTEREST]
    return once(inputs.kept, "oi_change", lambda: change_of(known, 1, deep(inputs)))


def oi_change_mean(inputs: Inputs) -> Windows:
    """Mean of the last five growths of the open interest."""
    from bot.ml import arrays

    out = np.empty(inputs.close.shape)
    arrays.mean(oi_change(inputs), 5, max(0, inputs.first - 288), out)
    return out


def spread(inputs: Inputs) -> Windows:
    """How much more unusual the open interest's growth is than the price's."""
    return read(inputs, normalised(OI_CHANGE, inputs)) - read(inputs, normalised(RET_1, inputs))


def _growth(back: int) -> Feature:
    meaning = f"return over {back} bar{'s' * (back > 1)}"
    return Feature(f"ret_{back}", "base", meaning, partial(growth, back), "z288")


def _beside(of: Shared, back: int) -> Feature:
    meaning = f"return of {of.upper()} over {back} bar{'s' * (back > 1)}"
    function = partial(growth_beside, of, back)
    return Feature(f"{of}_ret_{back}", "base", meaning, function, "z288", (of,), shared=of)


def _against(of: Shared) -> Feature:
    meaning = (
        f"return over {RS_BARS} bars / that of {of.upper()}; 0 where that is 0, held within +-{RS_MOST:g}"
    )
    return Feature(f"primary_{of}_rs", "base", meaning, partial(strength_against, of), needs=(of,))


RET_1 = _growth(1)
OI_CHANGE = Feature(
    "oi_change", "base", "growth of open interest since the bar before", oi_change, "z96", (OPEN_INTEREST,)
)

FEATURES = (
    Feature("rsi", "base", "RSI 14, 0 to 100", partial(indicator, "rsi")),
    Feature(
        "macd_hist", "base", "MACD line less its signal / close", partial(indicator, "macd_hist"), "z288"
    ),
    Feature(
        "bb_pct",
        "base",
        "place between the Bollinger bands: 0 lower, 1 upper",
        partial(indicator, "bb_pct"),
    ),
    Feature(
        "ema_align",
        "base",
        "EMA 9, 21, 50: +1 in rising order, -1 in falling",
        partial(indicator, "ema_align"),
    ),
    Feature("stoch_k", "base", "stochastic RSI, line K, 0 to 100", partial(indicator, "stoch_k")),
    Feature("stoch_d", "base", "stochastic RSI, line D, 0 to 100", partial(indicator, "stoch_d")),
    Feature("atr_pct", "base", "ATR 14 / close", partial(indicator, "atr_pct"), "z288"),
    Feature("vol_ratio", "base", "volume / its mean of 20 bars", partial(indicator, "vol_ratio")),
    RET_1,
    _growth(3),
    _growth(5),
    Feature(
        "signal_strength", "base", "score of the signal", lambda inputs: inputs.strength, needs=("signal",)
    ),
    Feature("side", "base", "+1 long, -1 short", lambda inputs: inputs.side, needs=("signal",)),
    *(_beside(of, back) for of in ("btc", "eth") for back in (1, 3, 5)),
    _against("btc"),
    _against("eth"),
    OI_CHANGE,
    Feature(
        "funding_rate",
        "base",
        "the funding rate settled last",
        lambda inputs: inputs.points[FUNDING_RATE],
        "z96",
        (FUNDING_RATE,),
    ),
    Feature(
        "oi_change_ma5",
        "base",
        "mean of the last 5 growths of open interest",
        oi_change_mean,
        "z96",
        (OPEN_INTEREST,),
    ),
    Feature(
        "oi_price_spread",
        "base",
        "z-score of oi_change less that of ret_1",
        partial(told, spread),
        needs=(OPEN_INTEREST,),
    ),
    Feature("adx", "base", "ADX 14, 0 to 100", partial(indicator, "adx")),
)
