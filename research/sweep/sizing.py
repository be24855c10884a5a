"""How much to risk: the same trades in other orders, and other trades of the same kind, drawn by lot.

A shuffle keeps every trade and changes their order: it shows how deep the same result might have fallen on the way. A
block bootstrap draws stretches of trades with replacement: other markets of the same kind, runs of losses kept whole.
Equity compounds: a trade changes it by `risk` x its multiple. Trades are taken one after another, in the order of
their exits; positions that were open side by side fall deeper together than this shows.
"""

import re
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from bot.domain.errors import ConfigError
from bot.strategy import Array
from research.progress import Tell

SHUFFLE, BOOTSTRAP = "shuffle", "bootstrap"
LEAST_TRADES = 10
MOST_DRAWN = 60_000_000
"""Lots of one kind that fit easily into memory."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
STEPS = 2_500
"""Risks tried: whole hundredths of a per cent up to 25 % where stops are known, else hundredths of equity."""
RISK_STEP, NOTIONAL_STEP = 0.0001, 0.01

type Lots = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Trades:
    """What trades came to, in the order of their exits: multiples of what was risked, or of the notional.

    `by_risk` tells which: with the distance of every stop known a trade's multiple is its net return over that
    distance, and risk is the share of equity that a stop loses (before costs); else risk is notional over equity.
    """

    multiples: Array
    by_risk: bool

    @property
    def step(self) -> float:
        """The finest difference of risk that is looked at."""
        return RISK_STEP if self.by_risk else NOTIONAL_STEP


@dataclass(frozen=True, slots=True)
class Tolerance:
    """A drawdown (share of equity's high) that may be exceeded with at most this chance."""

    drawdown: float
    chance: float


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: the risk to look at, what is tolerated, the loss of the start that is ruin; how it is drawn."""

    risk: float
    tolerance: Tolerance
    ruin: float = 0.5
    paths: int = 5_000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Spread:
    """What one way of drawing shows at one risk; quantiles as in QUANTILES, `drawdowns` of every path."""

    way: str
    ruin: float
    beyond: float
    drawdown_quantiles: tuple[float, ...]
    growth_quantiles: tuple[float, ...]
    drawdowns: Array


@dataclass(frozen=True, slots=True)
class Answer:
    """The trades as they were at that risk, both ways of drawing, and the largest risk within the tolerance.

    `suggested` is 0 when not even the least risk is within it, None when the trades lost: then none is suggested.
    `at_suggested` are both ways at the suggested risk.
    """

    trades: int
    by_risk: bool
    mean: float
    paths: int
    block: int
    drawdown: float
    growth: float
    spreads: tuple[Spread, ...]
    suggested: float | None
    at_suggested: tuple[Spread, ...]


def tolerance_of(text: str) -> Tolerance:
    """`drawdown 20% in 5%`; ConfigError for anything else."""
    found = re.fullmatch(r"\s*drawdown\s+([0-9.]+)\s*%\s+in\s+([0-9.]+)\s*%\s*", text, re.IGNORECASE)
    shares = (
        [float(part) / 100 for part in found.groups() if part.count(".") <= 1 and part != "."]
        if found
        else []
    )
    if len(shares) != 2 or not all(0 < share < 1 for share in shares):
        usual = '"drawdown 20% in 5%", each above 0% and below 100%'
        raise ConfigError(f"--tolerance {text[:60]!r} is not allowed; allowed: {usual}")
    return Tolerance(shares[0], shares[1])


def trades_from(net_return: Array, stop_share: Array) -> Trades:
    """Trades by net return and by the stop's distance as a share of the entry price (0: not known)."""
    if len(net_return) and bool((stop_share > 0).all()):
        return Trades(net_return / stop_share, True)
    return Trades(net_return, False)


def sized(trades: Trades, question: Question, tell: Tell = lambda done, whole: None) -> Answer:
    """Draw, measure, search. Raises ConfigError for too few trades."""
    count = len(trades.multiples)
    if count < LEAST_TRADES:
        raise ConfigError(f"{count} trades; a Monte Carlo needs at least {LEAST_TRADES}")
    paths, block = max(100, min(question.paths, MOST_DRAWN // count)), block_length(count)
    drawn = {
        SHUFFLE: shuffled(count, paths, question.seed),
        BOOTSTRAP: bootstrapped(count, paths, block, question.seed),
    }
    suggested = _searched(trades, drawn, question.tolerance, tell) if trades.multiples.mean() > 0 else None
    own = np.arange(count, dtype=np.int32)[None, :]
    end, falls, _ = followed(trades.multiples, question.risk, own)
    return Answer(
        trades=count,
        by_risk=trades.by_risk,
        mean=float(trades.multiples.mean()),
        paths=paths,
        block=block,
        drawdown=float(falls[0]),
        growth=float(end[0] - 1.0),
        spreads=_spreads(trades, question.risk, drawn, question),
        suggested=suggested,
        at_suggested=_spreads(trades, suggested, drawn, question) if suggested else (),
    )


def block_length(count: int) -> int:
    """Trades that are drawn together: the root of their number."""
    return max(1, round(sqrt(count)))


def shuffled(count: int, paths: int, seed: int) -> Lots:
    """Orders of all trades, one a row."""
    rows = np.tile(np.arange(count, dtype=np.int32), (paths, 1))
    return np.random.default_rng([seed, 1]).permuted(rows, axis=1, out=rows)


def bootstrapped(count: int, paths: int, block: int, seed: int) -> Lots:
    """Stretches of `block` trades, drawn with replacement, round the end; one path a row."""
    begins = np.random.default_rng([seed, 2]).integers(0, count, (paths, ceil(count / block)), dtype=np.int32)
    lots = (begins[:, :, None] + np.arange(block, dtype=np.int32)) % count
    found: Lots = lots.reshape(paths, -1)[:, :count].astype(np.int32)
    return found


def followed(multiples: Array, risk: float, lots: Lots) -> tuple[Array, Array, Array]:
    """Each path's end, deepest fall from its high (share), lowest point; from 1 on, and at 0 for good once there."""
    end, fall, low = (np.empty(len(lots)) for _ in range(3))
    rows = max(1, 4_000_000 // max(1, lots.shape[1]))
    for first in range(0, len(lots), rows):
        part = slice(first, first + rows)
        equity = np.cumprod(np.maximum(0.0, 1.0 + risk * multiples[lots[part]]), axis=1)
        high = np.maximum(1.0, np.maximum.accumulate(equity, axis=1))
        end[part], low[part] = equity[:, -1], np.minimum(1.0, equity.min(axis=1))
        fall[part] = (1.0 - equity / high).max(axis=1)
    return end, fall, low


def _spreads(trades: Trades, risk: float, drawn: dict[str, Lots], question: Question) -> tuple[Spread, ...]:
    return tuple(_spread(way, trades, risk, lots, question) for way, lots in drawn.items())


def _spread(way: str, trades: Trades, risk: float, lots: Lots, question: Question) -> Spread:
    end, fall, low = followed(trades.multiples, risk, lots)
    return Spread(
        way=way,
        ruin=float((low <= 1.0 - question.ruin).mean()),
        beyond=float((fall > question.tolerance.drawdown).mean()),
        drawdown_quantiles=tuple(map(float, np.quantile(fall, QUANTILES))),
        growth_quantiles=tuple(map(float, np.quantile(end - 1.0, QUANTILES))),
        drawdowns=fall,
    )


def _searched(trades: Trades, drawn: dict[str, Lots], tolerance: Tolerance, tell: Tell) -> float:
    """The largest risk at which both ways of drawing stay within the tolerance, found by halving."""
    within, beyond, done = 0, STEPS + 1, 0
    rounds = STEPS.bit_length()
    while beyond - within > 1:
        middle = (within + beyond) // 2
        if _chance(trades, middle * trades.step, drawn, tolerance) <= tolerance.chance:
            within = middle
        else:
            beyond = middle
        done += 1
        tell(min(done, rounds), rounds)
    return round(within * trades.step, 6)


def _chance(trades: Trades, risk: float, drawn: dict[str, Lots], tolerance: Tolerance) -> float:
    falls = (followed(trades.multiples, risk, lots)[1] for lots in drawn.values())
    return max(float((fall > tolerance.drawdown).mean()) for fall in falls)
