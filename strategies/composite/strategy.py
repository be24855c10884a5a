"""composite: enter when enough indicators agree, in a trend (ADX) and on volume. 15-minute candles.

Five rules vote with signed points, long above zero and short below. Gates in order, the first that fails is
the hold reason: ADX, score, volume, and an ATR that gives a stop and a target at all. What hangs on a
library's rounding is compared with a tolerance, or live windows and backtests would answer differently.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.domain.signal import GateCheck, Hold, Reason, Side, Signal, figure
from bot.market.indicators import core_columns
from bot.strategy import Array, Columns, Entries, Frame, Levels, Strategy, Value

NAME = "composite"
RSI_LOW, RSI_HIGH = 35.0, 65.0
STOCH_LOW, STOCH_HIGH = 20.0, 80.0
MACD_POINTS = 2

# K and D sit at exactly 0 or 100 for many bars, where rounding of 1e-14 would decide.
STOCH_TOLERANCE = 1e-6
# In a flat market bands and means lie on the price, MACD on its signal, give or take 1e-14: a share of the
# price.
ROUNDING = 1e-12
# The mean of twenty zero volumes comes out as plus or minus 1e-9; real volume steps are far larger.
LEAST_VOLUME = 1e-6

LONG_RULES = (
    "RSI < 35",
    "MACD crosses above signal",
    "close < lower band",
    "EMA9 > EMA21 > EMA50",
    "StochRSI K < 20, K > D",
)
SHORT_RULES = (
    "RSI > 65",
    "MACD crosses below signal",
    "close > upper band",
    "EMA9 < EMA21 < EMA50",
    "StochRSI K > 80, K < D",
)

type Votes = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Settings:
    """The parameters of default.yaml as numbers."""

    adx_threshold: float
    signal_threshold: int
    volume_multiplier: float
    atr_sl_mult: float
    atr_tp_mult: float


class Composite(Strategy):
    """Weighted indicator score."""

    name = NAME
    timeframe = "15m"
    # EMA50 forgets its seed slowest: (49/51)^450 = 1.5e-8 of it is left. The MACD histogram forgets faster,
    # but is small beside the prices it comes from.
    warmup_bars = 500

    def __init__(self, parameters: Mapping[str, Value]) -> None:
        """Take the effective parameters of one symbol."""
        super().__init__(parameters)
        self._settings = settings_of(parameters)

    def prepare(self, frame: Frame) -> Columns:
        """The shared columns: composite needs no others."""
        return core_columns(frame)

    def decide(self, frame: Frame, columns: Columns, i: int) -> Signal:
        """Walk the gates; the first that fails ends it."""
        settings = self._settings
        hold = adx_hold(columns, i, settings)
        if hold:
            return holding(frame, i, 0, hold)
        ballot = votes(frame, columns, i)
        long, short = points(ballot)
        score = max(long, short)
        hold = score_hold(long, short, settings) or volume_hold(frame, columns, i, score, settings)
        if hold:
            return holding(frame, i, score, hold)
        return entry(frame, columns, i, ballot, settings)

    def explain(self, frame: Frame, columns: Columns, i: int) -> tuple[GateCheck, ...]:
        """All gates with their figures, whichever failed first."""
        settings = self._settings
        ballot = votes(frame, columns, i)
        return (
            explain_adx(columns, i, settings),
            explain_score(ballot, settings),
            explain_volume(frame, columns, i, max(points(ballot)), settings),
            explain_levels(frame, columns, i, ballot, settings),
        )

    def entries(self, frame: Frame, columns: Columns) -> Entries:
        """All bars with a side, by compiled code."""
        from strategies.composite import arrays

        return arrays.ballots(frame, columns, self.warmup_bars)(self._settings)

    def family(self, frame: Frame) -> Callable[[Strategy], Entries]:
        """Entries of many parameter sets: indicators and votes are the same for all."""
        from strategies.composite import arrays

        asked = arrays.ballots(frame, self.prepare_history(frame), self.warmup_bars)
        return lambda member: asked(settings_of(member.parameters))

    def levels(self, frame: Frame, columns: Columns, i: int, side: Side) -> Levels | None:
        """The distances that an entry of its own would have."""
        close, atr, settings = frame.close.item(i), columns["atr14"].item(i), self._settings
        if level_hold(close, atr, side, settings):
            return None
        return Levels(atr * settings.atr_sl_mult, atr * settings.atr_tp_mult, atr)


def settings_of(parameters: Mapping[str, Value]) -> Settings:
    """The parameters as numbers."""
    return Settings(
        float(parameters["adx_threshold"]),
        int(parameters["signal_threshold"]),
        float(parameters["volume_multiplier"]),
        float(parameters["atr_sl_mult"]),
        float(parameters["atr_tp_mult"]),
    )


def adx_hold(columns: Columns, i: int, settings: Settings) -> Hold | None:
    """Gate 1: a trend; a threshold of 0 switches it off."""
    adx = columns["adx14"].item(i)
    if adx >= settings.adx_threshold or settings.adx_threshold == 0.0:
        return None
    return Hold("ADX", adx, "<", settings.adx_threshold)


def score_hold(long: int, short: int, settings: Settings) -> Hold | None:
    """Gate 2: enough points on one side, and more than on the other."""
    score, threshold = max(long, short), settings.signal_threshold
    if score < threshold:
        return Hold("score", float(score), "<", float(threshold))
    return Hold("score tie, long", float(long), "=", float(short)) if long == short else None


def volume_hold(frame: Frame, columns: Columns, i: int, score: int, settings: Settings) -> Hold | None:
    """Gate 3: a surge of volume, or one point more than needed."""
    if score > settings.signal_threshold:
        return None
    volume, needed = frame.volume.item(i), volume_needed(columns, i, settings)
    return None if volume >= needed else Hold("volume", volume, "<", needed)


def volume_needed(columns: Columns, i: int, settings: Settings) -> float:
    """The volume that counts as a surge."""
    return settings.volume_multiplier * max(columns["volume_mean20"].item(i), LEAST_VOLUME)


def level_hold(close: float, atr: float, side: Side, settings: Settings) -> Hold | None:
    """Gate 4: stop and target differ from the entry and are prices; fails only in dead or absurd markets."""
    least = ROUNDING * close
    if not atr > least:
        return Hold("ATR", atr, "<=", least)
    below = atr * (settings.atr_sl_mult if side is Side.LONG else settings.atr_tp_mult)
    return None if below < close else Hold("ATR distance", below, ">=", close)


def votes(frame: Frame, columns: Columns, i: int) -> Votes:
    """Signed points of the five rules, in the order of their names; NaN votes for nothing."""
    close = frame.close.item(i)
    rounding = ROUNDING * close
    return (
        rsi_vote(columns["rsi14"].item(i)),
        macd_vote(columns["macd_hist"], i, rounding),
        band_vote(close, columns["bb_lower"].item(i), columns["bb_upper"].item(i), rounding),
        ema_vote(columns["ema9"].item(i), columns["ema21"].item(i), columns["ema50"].item(i), rounding),
        stoch_vote(columns["stoch_k"].item(i), columns["stoch_d"].item(i)),
    )


def rsi_vote(rsi: float) -> int:
    """Oversold is long, overbought short."""
    return 1 if rsi < RSI_LOW else -1 if rsi > RSI_HIGH else 0


def macd_vote(histogram: Array, i: int, rounding: float) -> int:
    """The line crossed its signal between the previous bar and this one (histogram: line minus signal)."""
    if i == 0:
        return 0
    before, now = histogram.item(i - 1), histogram.item(i)
    if before <= rounding < now:
        return MACD_POINTS
    return -MACD_POINTS if before >= -rounding > now else 0


def band_vote(close: float, lower: float, upper: float, rounding: float) -> int:
    """Outside the Bollinger bands."""
    return 1 if close < lower - rounding else -1 if close > upper + rounding else 0


def ema_vote(fast: float, middle: float, slow: float, rounding: float) -> int:
    """Three means in order."""
    if fast > middle + rounding and middle > slow + rounding:
        return 1
    return -1 if fast < middle - rounding and middle < slow - rounding else 0


def stoch_vote(k: float, d: float) -> int:
    """Turning back from an extreme."""
    if k < STOCH_LOW and k > d + STOCH_TOLERANCE:
        return 1
    return -1 if k > STOCH_HIGH and k < d - STOCH_TOLERANCE else 0


def points(ballot: Votes) -> tuple[int, int]:
    """Points for long and for short."""
    total = sum(ballot)
    weight = sum(map(abs, ballot))
    return (weight + total) // 2, (weight - total) // 2


def holding(frame: Frame, i: int, score: int, hold: Hold) -> Signal:
    """The answer when a gate failed."""
    return Signal(frame.symbol, NAME, closed_at_ms(frame, i), None, float(score), hold=hold)


def entry(frame: Frame, columns: Columns, i: int, ballot: Votes, settings: Settings) -> Signal:
    """The answer when all gates but the last passed."""
    long, short = points(ballot)
    side, score = (Side.LONG, long) if long > short else (Side.SHORT, short)
    close, atr = frame.close.item(i), columns["atr14"].item(i)
    hold = level_hold(close, atr, side, settings)
    if hold:
        return holding(frame, i, score, hold)
    stop, target = levels(close, atr, side, settings)
    return Signal(
        symbol=frame.symbol,
        strategy=NAME,
        bar_at_ms=closed_at_ms(frame, i),
        side=side,
        score=float(score),
        reference_price=close,
        stop_price=stop,
        target_price=target,
        atr=atr,
        reasons=reasons(ballot, side),
    )


def levels(close: float, atr: float, side: Side, settings: Settings) -> tuple[float, float]:
    """Stop and target on both sides of the close."""
    stop_distance, target_distance = atr * settings.atr_sl_mult, atr * settings.atr_tp_mult
    return close - side.sign * stop_distance, close + side.sign * target_distance


def reasons(ballot: Votes, side: Side) -> tuple[Reason, ...]:
    """What voted for this side, with its points."""
    names = LONG_RULES if side is Side.LONG else SHORT_RULES
    scored = zip(names, ballot, strict=True)
    return tuple(Reason(name, float(abs(vote))) for name, vote in scored if vote * side.sign > 0)


def closed_at_ms(frame: Frame, i: int) -> int:
    """When bar `i` closed."""
    return int(frame.open_at_ms.item(i)) + frame.timeframe_ms


def explain_adx(columns: Columns, i: int, settings: Settings) -> GateCheck:
    """Gate 1 in words."""
    adx, threshold = columns["adx14"].item(i), settings.adx_threshold
    if threshold == 0.0:
        return GateCheck("ADX", True, f"{adx:.1f}, gate off")
    passed = adx_hold(columns, i, settings) is None
    return GateCheck("ADX", passed, f"{adx:.1f} {'>=' if passed else '<'} {threshold:g}")


def explain_score(ballot: Votes, settings: Settings) -> GateCheck:
    """Gate 2 in words: both sides with what scored."""
    long, short = points(ballot)
    sides = ", ".join((_side_text("long", ballot, Side.LONG), _side_text("short", ballot, Side.SHORT)))
    passed = score_hold(long, short, settings) is None
    return GateCheck("score", passed, f"{sides}; needs {settings.signal_threshold}")


def _side_text(name: str, ballot: Votes, side: Side) -> str:
    scored = reasons(ballot, side)
    listed = f" ({'; '.join(f'{reason.name}: {reason.points:g}' for reason in scored)})" if scored else ""
    return f"{name} {sum(reason.points for reason in scored):g}{listed}"


def explain_volume(frame: Frame, columns: Columns, i: int, score: int, settings: Settings) -> GateCheck:
    """Gate 3 in words."""
    volume, needed = frame.volume.item(i), volume_needed(columns, i, settings)
    relation = ">=" if volume >= needed else "<"
    figures = f"{figure(volume)} {relation} {figure(needed)} ({settings.volume_multiplier:g} x mean 20)"
    if score > settings.signal_threshold:
        figures += f", waived by score {score}"
    return GateCheck("volume", volume_hold(frame, columns, i, score, settings) is None, figures)


def explain_levels(frame: Frame, columns: Columns, i: int, ballot: Votes, settings: Settings) -> GateCheck:
    """Gate 4 in words; not reached when no side leads."""
    long, short = points(ballot)
    if long == short:
        return GateCheck("levels", None, "no side leads")
    side = Side.LONG if long > short else Side.SHORT
    close, atr = frame.close.item(i), columns["atr14"].item(i)
    hold = level_hold(close, atr, side, settings)
    if hold:
        return GateCheck("levels", False, hold.text)
    stop, target = levels(close, atr, side, settings)
    return GateCheck(
        "levels", True, f"{side} {close:.6g}: stop {stop:.6g}, target {target:.6g}, ATR {figure(atr)}"
    )


STRATEGY = Composite
