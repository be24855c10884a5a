"""What `quarterdeck ml` shows in a terminal."""

from collections.abc import Sequence
from datetime import UTC, datetime

from bot.ml.card import Card
from research.learning.ablation import Ablation
from research.learning.advising import factor_text
from research.learning.boosting import Boosted
from research.learning.comparing import Comparison, Side
from research.learning.lesson import Lesson
from research.learning.network import Network
from research.learning.noting import rows_line

SHOWN_FEATURES = 5
NOTHING = "–"


def show_lesson(
    lesson: "Lesson[Boosted] | Lesson[Network]", card: Card, folder: str, notes: Sequence[str]
) -> None:
    """The verdict with its conditions, then the figures behind them."""
    balance, judged = lesson.trained.balance, lesson.trained.judged
    print(f"{card.strategy} {card.symbol} {card.version}: {lesson.advised.word}")
    print("\n".join(f"  {line}" for line in card.reasons))
    print(rows_line(balance))
    aucs = ", ".join(NOTHING if one.auc is None else f"{one.auc:.3f}" for one in judged.folds)
    print(f"AUC by fold: {aucs}; all: {number(judged.auc)}; Brier {number(judged.brier)}")
    print(
        f"Threshold {card.threshold:.3f}: precision {number(judged.precision)}, recall {number(judged.recall)}; "
        f"without a filter {judged.base_rate:.3f} win"
    )
    print(f"Ablation: {lesson.ablation.line}")
    show_comparison(lesson.comparison)
    top = ", ".join(one.feature for one in card.importances[:SHOWN_FEATURES])
    print(f"Top features: {top}")
    for note in notes:
        print(f"- {note}")
    print(f"Model: {folder}")


def show_ablation(found: Ablation) -> None:
    """The three figures and the verdict."""
    print(f"A all features:                  AUC {number(found.everything)}")
    print(f"B without signal_strength:       AUC {number(found.without_strength)}")
    print(f"C without signal_strength, side: AUC {number(found.without_both)}")
    print(found.line)


def show_comparison(found: Comparison) -> None:
    """Both backtests side by side."""
    days = f"{day(found.from_ms)} to {day(found.to_ms)}"
    print(f"With and without the filter, out of fold, {days}: {found.passed} of {found.asked} signals pass")
    print(f"  {'':4}{'trades':>8}{'PF':>7}{'win rate':>10}{'net':>9}{'MDD':>8}{'Sharpe':>8}")
    for name, side in (("off", found.off), ("on", found.on)):
        print(f"  {name:4}{_side(side)}")
    print(
        f"  The filter is {found.word}."
        if found.word != "no difference"
        else "  The filter makes no difference."
    )


def _side(side: Side) -> str:
    rate = NOTHING if side.win_rate is None else f"{side.win_rate:.1%}"
    fall = NOTHING if side.drawdown is None else f"{side.drawdown:.1%}"
    sharpe = NOTHING if side.sharpe is None else f"{side.sharpe:.2f}"
    factor = factor_text(side.profit_factor)
    return f"{side.trades:>8}{factor:>7}{rate:>10}{side.net:>+9.3f}{fall:>8}{sharpe:>8}"


def number(figure: float | None) -> str:
    """Three digits, or a dash."""
    return NOTHING if figure is None else f"{figure:.3f}"


def day(at_ms: int) -> str:
    """A day, UTC."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}"
