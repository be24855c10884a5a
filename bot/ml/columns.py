"""The base features: indicators, returns, the market's leaders, open interest and funding.

What has a price's unit is divided by the price, so that it means the same at every price and in every symbol.
Compiled code is imported where it is used: a desk without models never loads the compiler.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from bot.market import indicators
from bot.ml.feature import FUNDING_RATE, OPEN_INTEREST, Beside, Feature, Inputs, Shared
from bot.ml.normal import normalised
from bot.strategy import Array

RS_MOST = 10.0
"""Relative strength is held within this: beyond it says only that the other symbol hardly moved."""
RS_BARS = 5
"""Bars whose returns relative strength compares."""
DEEPEST = 288 + 5
"""Features are made from so many rows before the first that is read: the longest normalisation, and a mean of five."""
PRICE_COLUMNS = ("macd_hist", "atr_pct", "bb_pct", "ema_align", "vol_ratio")


def once(kept: dict[str, Array], name: str, make: Callable[[], Array]) -> Array:
    """The column of this name, made at the first call."""
    found = kept.get(name)
    if found is None:
        kept[name] = found = make()
    return found


def deep(inputs: Inputs) -> int:
    """The first row on which a column's value can matter."""
    return max(0, inputs.first - DEEPEST)


def change_of(values: Array, back: int) -> Array:
    """Growth over `back` rows, a fraction."""
    from bot.ml import arrays

    out = np.empty(len(values))
    arrays.change(values, back, out)
    return out


def rsi(inputs: Inputs) -> Array:
    """RSI 14."""
    return once(inputs.kept, "rsi", lambda: indicators.rsi(inputs.frame.close))


def stochastic(name: str, inputs: Inputs) -> Array:
    """Stochastic RSI, line `stoch_k` or `stoch_d`."""
    if name not in inputs.kept:
        inputs.kept["stoch_k"], inputs.kept["stoch_d"] = indicators.stoch_rsi(rsi(inputs))
    return inputs.kept[name]


def adx(inputs: Inputs) -> Array:
    """ADX 14."""
    frame = inputs.frame
    return once(inputs.kept, "adx", lambda: indicators.adx(frame.high, frame.low, frame.close))


def atr(inputs: Inputs) -> Array:
    """ATR 14 in quote asset."""
    frame = inputs.frame
    return once(inputs.kept, "atr", lambda: indicators.atr(frame.high, frame.low, frame.close))


def ema(length: int, inputs: Inputs) -> Array:
    """Exponential mean of the close."""
    return once(inputs.kept, f"ema{length}", lambda: indicators.ema(inputs.frame.close, length))


def volume_mean(inputs: Inputs) -> Array:
    """Mean volume of 20 bars."""
    return once(inputs.kept, "volume_mean", lambda: indicators.sma(inputs.frame.volume, 20))


def price_column(name: str, inputs: Inputs) -> Array:
    """One of PRICE_COLUMNS; all of them are made together."""
    if name not in inputs.kept:
        _make_price_columns(inputs)
    return inputs.kept[name]


def _make_price_columns(inputs: Inputs) -> None:
    from bot.ml import arrays

    frame, begin = inputs.frame, deep(inputs)
    lower, _, upper = indicators.bollinger(frame.close)
    read = arrays.Indicators(
        frame.close,
        frame.volume,
        volume_mean(inputs),
        indicators.macd(frame.close)[2],
        lower,
        upper,
        ema(9, inputs),
        ema(21, inputs),
        ema(50, inputs),
        atr(inputs),
    )
    out = np.empty((len(PRICE_COLUMNS), len(frame)))
    arrays.price_columns(read, begin, out)
    inputs.kept.update(zip(PRICE_COLUMNS, out, strict=True))


def growth(back: int, inputs: Inputs) -> Array:
    """The symbol's own return over `back` bars."""
    return once(inputs.kept, f"ret_{back}", lambda: change_of(inputs.frame.close, back))


def growth_beside(of: Shared, back: int, inputs: Inputs) -> Array:
    """The return of BTC or ETH over `back` bars of the symbol."""
    beside = beside_of(of, inputs)
    return once(beside.kept, f"growth_{back}", lambda: change_of(beside.close, back))


def beside_of(of: Shared, inputs: Inputs) -> Beside:
    """BTC or ETH."""
    return inputs.btc if of == "btc" else inputs.eth


def strength_against(of: Shared, inputs: Inputs) -> Array:
    """The symbol's return over that of BTC or ETH."""
    from bot.ml import arrays

    out = np.empty(len(inputs.frame))
    arrays.ratio(growth(RS_BARS, inputs), growth_beside(of, RS_BARS, inputs), RS_MOST, out)
    return out


def oi_change(inputs: Inputs) -> Array:
    """Growth of the open interest since the bar before."""
    return once(inputs.kept, "oi_change", lambda: change_of(inputs.points[OPEN_INTEREST], 1))


def oi_change_mean(inputs: Inputs) -> Array:
    """Mean of the last five growths of the open interest."""
    from bot.ml import arrays

    out = np.empty(len(inputs.frame))
    arrays.mean(oi_change(inputs), 5, 0, out)
    return out


def spread(inputs: Inputs) -> Array:
    """How much more unusual the open interest's growth is than the price's."""
    return normalised(OI_CHANGE, inputs) - normalised(RET_1, inputs)


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
    Feature("rsi", "base", "RSI 14, 0 to 100", rsi),
    Feature(
        "macd_hist", "base", "MACD line less its signal / close", partial(price_column, "macd_hist"), "z288"
    ),
    Feature(
        "bb_pct",
        "base",
        "place between the Bollinger bands: 0 lower, 1 upper",
        partial(price_column, "bb_pct"),
    ),
    Feature(
        "ema_align",
        "base",
        "EMA 9, 21, 50: +1 in rising order, -1 in falling",
        partial(price_column, "ema_align"),
    ),
    Feature("stoch_k", "base", "stochastic RSI, line K, 0 to 100", partial(stochastic, "stoch_k")),
    Feature("stoch_d", "base", "stochastic RSI, line D, 0 to 100", partial(stochastic, "stoch_d")),
    Feature("atr_pct", "base", "ATR 14 / close", partial(price_column, "atr_pct"), "z288"),
    Feature("vol_ratio", "base", "volume / its mean of 20 bars", partial(price_column, "vol_ratio")),
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
        "oi_price_spread", "base", "z-score of oi_change less that of ret_1", spread, needs=(OPEN_INTEREST,)
    ),
    Feature("adx", "base", "ADX 14, 0 to 100", adx),
)
