"""A backtest with the filter and one without, over bars of which the filter's models knew nothing.

With several symbols it is the sum of each one's backtests, every one with a wallet of its own.

Each fold's model scores the trading signals of its own validated bars; the threshold it is held to comes from the folds
before it, so the first fold only chooses. Trades are those of the fast backtest; a refused signal still turns an open
trade out, as in the engine.
"""

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from bot.ml.feature import FUNDING_RATE
from bot.strategy import Array, Entries
from research.arrays.gated import gated_trades
from research.arrays.trades import equity_of
from research.arrays.walk import Excursions, Money
from research.backtest.lots import Lot, due_of
from research.learning.learners import Fitted
from research.learning.material import Part, Subject
from research.learning.metrics import best_threshold, curve_of
from research.learning.training import Judged
from research.results.plan import Rules
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
    """Which trading entries the filter was asked about, and which it let through; one symbol's after the other's.

    `score` is that of the fold which validates the entry's bar; NaN outside the folds.
    """

    asked: NDArray[np.bool_]
    passed: NDArray[np.bool_]
    thresholds: tuple[float, ...]
    score: Array


def comparison_of[Made: Fitted](subject: Subject, judged: Judged[Made]) -> Comparison:
    """Both backtests over the folds from the second on."""
    gate = gate_of(subject, judged)
    first = judged.folds[min(1, len(judged.folds) - 1)].split.first_bar
    end = judged.folds[-1].split.end_bar
    trial = Trial.of(subject, first, end)
    on = trial.side(gate.passed)
    return Comparison(
        off=trial.side(gate.asked),
        on=on,
        from_ms=int(subject.open_at_ms[first]),
        to_ms=int(subject.open_at_ms[end - 1]) + trial.bar_ms,
        thresholds=gate.thresholds,
        asked=int(gate.asked.sum()),
        passed=int(gate.passed.sum()),
        luck=_luck(trial, gate, on.profit_factor, subject.recipe.seed),
    )


def gate_of[Made: Fitted](subject: Subject, judged: Judged[Made]) -> Gate:
    """Scores of the trading entries by the models of their folds, held to the thresholds of the folds before."""
    rows = np.concatenate([part.at[part.trading.row] for part in subject.parts])
    features = np.concatenate([part.asked for part in subject.parts])
    asked, passed = np.zeros(len(rows), np.bool_), np.zeros(len(rows), np.bool_)
    score, thresholds = np.full(len(rows), np.nan), []
    for number, fold in enumerate(judged.folds):
        here = (rows >= fold.split.first_bar) & (rows < fold.split.end_bar)
        score[here] = fold.model.scores(features[here])
        if not number:
            continue
        before = judged.beyond.fold < number
        best = best_threshold(curve_of(judged.beyond.label[before], judged.beyond.score[before]))
        threshold = best[0] if best else judged.fallback  # not judged.threshold, which knows later folds
        asked |= here
        passed[here] = score[here] >= threshold
        thresholds.append(threshold)
    return Gate(asked, passed, tuple(thresholds), score)


@dataclass(frozen=True, slots=True)
class Tested:
    """A symbol's entries on the bars that count (`inside` of all it has), and what holding and trading costs there."""

    part: Part
    inside: NDArray[np.bool_]
    entries: Entries
    due: Array
    rules: Rules

    @classmethod
    def of(cls, part: Part, rules: Rules, first: int, end: int) -> "Tested":
        """Entries from bar `first` to `end` (excluded) of the grid; the others are left out altogether."""
        bars = part.at[part.trading.row]
        inside = (bars >= first) & (bars < end)
        entries = Entries(*(getattr(part.trading, name)[inside] for name in Entries.__slots__))
        return cls(part, inside, entries, due_of(part.frame, part.sources.points.get(FUNDING_RATE)), rules)

    def lot(self, passing: NDArray[np.bool_]) -> Lot:
        """Trades of the entries that pass."""
        legs = gated_trades(self.part.frame, self.entries, passing[self.inside], self.rules)
        unseen = Excursions(np.empty(0), np.empty(0))
        return Lot(self.part.frame, 0, self.entries, legs, unseen, {}, self.due, float(self.rules.fee))

    def gained(self, lot: Lot, bars: int) -> Array:
        """What was made of them by the close of every bar of the grid; where the symbol has no candle, as before."""
        quantity = NOTIONAL / lot.trades.entry
        money = Money(lot.sign * quantity, lot.entry_fee * quantity, lot.exit_gain * quantity, self.due)
        known = equity_of(self.part.frame, lot.trades, money)
        place = np.searchsorted(self.part.at, np.arange(bars), side="right") - 1
        grown: Array = np.where(place >= 0, known[np.maximum(place, 0)], 0.0)
        return grown


@dataclass(frozen=True, slots=True)
class Trial:
    """The backtests of all symbols over the bars from `first` on."""

    symbols: tuple[Tested, ...]
    open_at_ms: NDArray[np.int64]
    first: int

    @classmethod
    def of(cls, subject: Subject, first: int, end: int) -> "Trial":
        """Entries from bar `first` to `end` (excluded)."""
        symbols = tuple(Tested.of(part, subject.rules, first, end) for part in subject.parts)
        return cls(symbols, subject.open_at_ms, first)

    @property
    def bar_ms(self) -> int:
        """Length of a bar."""
        return self.symbols[0].part.frame.timeframe_ms

    def lots(self, passing: NDArray[np.bool_]) -> list[Lot]:
        """Every symbol's trades."""
        ends = np.cumsum([len(one.inside) for one in self.symbols])[:-1]
        return [one.lot(some) for one, some in zip(self.symbols, np.split(passing, ends), strict=True)]

    def side(self, passing: NDArray[np.bool_]) -> Side:
        """What the entries that pass come to."""
        lots = self.lots(passing)
        net = np.concatenate([lot.net_return for lot in lots])
        levels = np.concatenate(([WALLET * len(lots)], self._equity(lots)))
        at_ms = self.open_at_ms[self.first - 1 :] + self.bar_ms
        fall = deepest_fall(levels, at_ms)
        ratios = ratios_of(levels, bar_ms=self.bar_ms, span_ms=int(at_ms[-1] - at_ms[0]), fall=fall)
        return Side(
            trades=len(net),
            wins=int((net > 0.0).sum()),
            net=float(net.sum()),
            gross_profit=float(net[net > 0.0].sum()),
            gross_loss=float(-net[net < 0.0].sum()),
            drawdown=fall.share if fall else 0.0,
            sharpe=ratios.sharpe,
        )

    def _equity(self, lots: list[Lot]) -> Array:
        """Equity at every close from the first bar that counts on."""
        bars = len(self.open_at_ms)
        grown = np.zeros(bars)
        for one, lot in zip(self.symbols, lots, strict=True):
            grown += one.gained(lot, bars)
        equity: Array = (WALLET * len(lots) + grown)[self.first :]
        return equity


def _luck(trial: Trial, gate: Gate, factor: float | None, seed: int) -> float | None:
    """Draw filters that let through as many of the signals asked about; always the same ones."""
    asked, count = np.flatnonzero(gate.asked), int(gate.passed.sum())
    if factor is None or not count:
        return None
    chance = np.random.default_rng(seed)
    as_well = 0
    for _ in range(DRAWS):
        passing = np.zeros(len(gate.asked), np.bool_)
        passing[chance.choice(asked, count, replace=False)] = True
        net = np.concatenate([lot.net_return for lot in trial.lots(passing)])
        as_well += float(net[net > 0.0].sum()) >= factor * float(-net[net < 0.0].sum())
    return as_well / DRAWS
