"""A backtest with the filter and one without, over bars of which the filter's models knew nothing.

Each fold's model scores the trading signals of its own validated bars; the threshold it is held to comes from the folds
before it, so the first fold only chooses. Trades are those of the fast backtest; a refused signal still turns an open
trade out, as in the engine.
"""

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from bot.market.points import Points
from bot.strategy import Array, Entries, Frame
from research.arrays.gated import gated_trades
from research.arrays.trades import equity_of
from research.arrays.walk import Excursions, Legs, Money
from research.backtest.lots import Lot, due_of
from research.learning.learners import Fitted
from research.learning.material import Material
from research.learning.metrics import best_threshold, curve_of
from research.learning.training import Judged
from research.results.statistics import deepest_fall, ratios_of

WALLET, NOTIONAL = 10_000.0, 1_000.0
"""As the backtest has them: each position is worth a tenth of the wallet at the start."""
DRAWS = 200
BETTER, WORSE, SAME = "better", "worse", "no difference"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two backtests. `net` is the sum of net returns of trades, each of its own notional.

    `drawdown` is a share of the equity's high, `sharpe` is annualised; None where there is nothing to tell.
    """

    trades: int
    wins: int
    net: float
    gross_profit: float
    gross_loss: float
    drawdown: float | None
    sharpe: float | None

    @property
    def profit_factor(self) -> float | None:
        """Gross profit over gross loss: infinite without a loss, None without a trade."""
        if self.gross_loss > 0.0:
            return self.gross_profit / self.gross_loss
        return inf if self.gross_profit > 0.0 else None

    @property
    def win_rate(self) -> float | None:
        """Winners over all trades."""
        return self.wins / self.trades if self.trades else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both over the same bars; `thresholds` of the folds from the second on; `passed` of `asked` signals passed.

    `luck` is the share of filters that let as many signals through by lot and did as well; None without a trade.
    """

    off: Side
    on: Side
    from_ms: int
    to_ms: int
    thresholds: tuple[float, ...]
    asked: int
    passed: int
    luck: float | None

    @property
    def gain(self) -> float | None:
        """Profit factor on less profit factor off."""
        on, off = self.on.profit_factor, self.off.profit_factor
        return None if on is None or off is None or off == inf else on - off

    @property
    def word(self) -> str:
        """Better, worse, or no difference."""
        if not self.gain:
            return SAME
        return BETTER if self.gain > 0.0 else WORSE


@dataclass(frozen=True, slots=True)
class Gate:
    """Which trading entries the filter was asked about, and which it let through."""

    asked: NDArray[np.bool_]
    passed: NDArray[np.bool_]
    thresholds: tuple[float, ...]


def comparison_of[Made: Fitted](
    material: Material, judged: Judged[Made], funding: Points | None = None
) -> Comparison:
    """Both backtests over the folds from the second on."""
    gate = gate_of(material, judged)
    frame, first = material.frame, judged.folds[min(1, len(judged.folds) - 1)].split.first_bar
    end = judged.folds[-1].split.end_bar
    part = Part(frame, due_of(frame, funding), float(material.rules.fee), first, end)
    on = _side(material, gate.passed, part)
    return Comparison(
        off=_side(material, gate.asked, part),
        on=on,
        from_ms=int(frame.open_at_ms[first]),
        to_ms=int(frame.open_at_ms[end - 1]) + frame.timeframe_ms,
        thresholds=gate.thresholds,
        asked=int(gate.asked.sum()),
        passed=int(gate.passed.sum()),
        luck=_luck(material, gate, part, on.profit_factor),
    )


def gate_of[Made: Fitted](material: Material, judged: Judged[Made]) -> Gate:
    """Scores of the trading entries by the models of their folds, held to the thresholds of the folds before."""
    rows = material.trading.row
    asked, passed = np.zeros(len(rows), np.bool_), np.zeros(len(rows), np.bool_)
    thresholds: list[float] = []
    for number, fold in enumerate(judged.folds[1:], 1):
        before = judged.beyond.fold < number
        best = best_threshold(curve_of(judged.beyond.label[before], judged.beyond.score[before]))
        threshold = best[0] if best else judged.threshold
        here = (rows >= fold.split.first_bar) & (rows < fold.split.end_bar)
        asked |= here
        passed[here] = fold.model.scores(material.matrix[rows[here]]) >= threshold
        thresholds.append(threshold)
    return Gate(asked, passed, tuple(thresholds))


@dataclass(frozen=True, slots=True)
class Part:
    """The bars that count, and what holding and trading costs there."""

    frame: Frame
    due: Array
    fee: float
    first: int
    end: int


def _side(material: Material, passing: NDArray[np.bool_], part: Part) -> Side:
    """The backtest of the entries that pass, those outside the folds left out altogether."""
    inside = (material.trading.row >= part.first) & (material.trading.row < part.end)
    entries = _only(material.trading, inside)
    legs = gated_trades(part.frame, entries, passing[inside], material.rules)
    lot = _lot(part, entries, legs)
    net = lot.net_return
    equity = _equity(part, lot)
    levels = np.concatenate(([WALLET], equity))
    at_ms = part.frame.open_at_ms[part.first - 1 :] + part.frame.timeframe_ms
    fall = deepest_fall(levels, at_ms)
    span_ms = int(at_ms[-1] - at_ms[0])
    ratios = ratios_of(levels, bar_ms=part.frame.timeframe_ms, span_ms=span_ms, fall=fall)
    return Side(
        trades=len(net),
        wins=int((net > 0.0).sum()),
        net=float(net.sum()),
        gross_profit=float(net[net > 0.0].sum()),
        gross_loss=float(-net[net < 0.0].sum()),
        drawdown=fall.share if fall else 0.0,
        sharpe=ratios.sharpe,
    )


def _luck(material: Material, gate: Gate, part: Part, factor: float | None) -> float | None:
    """Draw filters that let through as many of the signals asked about; always the same ones."""
    inside = (material.trading.row >= part.first) & (material.trading.row < part.end)
    entries, asked = _only(material.trading, inside), np.flatnonzero(gate.asked[inside])
    count = int(gate.passed.sum())
    if factor is None or not count:
        return None
    chance = np.random.default_rng(material.recipe.seed)
    as_well = 0
    for _ in range(DRAWS):
        passing = np.zeros(len(entries), np.bool_)
        passing[chance.choice(asked, count, replace=False)] = True
        net = _lot(part, entries, gated_trades(part.frame, entries, passing, material.rules)).net_return
        as_well += float(net[net > 0.0].sum()) >= factor * float(-net[net < 0.0].sum())
    return as_well / DRAWS


def _only(entries: Entries, chosen: NDArray[np.bool_]) -> Entries:
    return Entries(*(getattr(entries, name)[chosen] for name in Entries.__slots__))


def _lot(part: Part, entries: Entries, legs: Legs) -> Lot:
    unseen = Excursions(np.empty(0), np.empty(0))
    return Lot(part.frame, 0, entries, legs, unseen, {}, part.due, part.fee)


def _equity(part: Part, lot: Lot) -> Array:
    """Equity at every close from the first bar that counts on."""
    quantity = NOTIONAL / lot.trades.entry
    money = Money(lot.sign * quantity, lot.entry_fee * quantity, lot.exit_gain * quantity, part.due)
    grown: Array = WALLET + equity_of(part.frame, lot.trades, money)[part.first :]
    return grown
