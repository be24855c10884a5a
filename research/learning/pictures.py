"""Pictures of a model: how honest its scores are, what precision costs in recall, what it looks at."""

from collections.abc import Sequence

from bot.ml.card import Bin, Importance
from handlers.pictures.look import SMALL_LETTERS, png
from research.learning.metrics import Curve
from research.reports.pictures import canvas

MOST_BARS = 15
SHAPE, ROW, FRAME = 0.5, 0.032, 0.12


def draw_reliability(bins: Sequence[Bin], base_rate: float | None, *, dark: bool) -> bytes:
    """How often the target came first against the score; the dashed line is where both are the same."""
    sheet = canvas("Reliability", SHAPE, dark=dark)
    if not bins:
        return sheet.nothing("No scores to draw")
    figure, (axes,) = sheet.panels((1.0,))
    look = sheet.palette
    axes.plot([0.0, 1.0], [0.0, 1.0], color=look.faint, linestyle="--", linewidth=0.9, label="as scored")
    if base_rate is not None:
        axes.axhline(base_rate, color=look.lines[0], linewidth=0.9, label="all signals")
    most = max(one.rows for one in bins)
    axes.plot(
        [one.predicted for one in bins],
        [one.observed for one in bins],
        color=look.accent,
        linewidth=1.4,
        label="found",
    )
    axes.scatter(
        [one.predicted for one in bins],
        [one.observed for one in bins],
        s=[20.0 + 180.0 * one.rows / most for one in bins],
        color=look.accent,
        alpha=0.6,
    )
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    sheet.label(axes, "target came first")
    sheet.label_time(axes, "mean score; a larger dot stands for more signals")
    sheet.legend(axes)
    return png(figure)


def draw_precision(curve: Curve, threshold: float, *, dark: bool) -> bytes:
    """Precision over recall as the threshold falls, the chosen one marked."""
    sheet = canvas("Precision and recall", SHAPE, dark=dark)
    if not len(curve.threshold):
        return sheet.nothing("No signal reached its target")
    figure, (axes,) = sheet.panels((1.0,))
    look = sheet.palette
    axes.plot(curve.recall, curve.precision, color=look.accent, linewidth=1.4, label="precision")
    passing = curve.threshold >= threshold
    if passing.any():
        at = int(passing.sum()) - 1
        label = f"threshold {threshold:.3f}"
        axes.scatter(
            [curve.recall[at]], [curve.precision[at]], color=look.gain, s=60.0, zorder=3, label=label
        )
    axes.axhline(curve.precision[-1], color=look.lines[0], linewidth=0.9, label="all signals")
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    sheet.label(axes, "precision")
    sheet.label_time(axes, "recall")
    sheet.legend(axes)
    return png(figure)


def draw_importances(importances: Sequence[Importance], *, dark: bool) -> bytes:
    """The features that matter most: gain in the trees, or the loss of AUC when shuffled."""
    shown = list(importances[:MOST_BARS])
    by_gain = any(one.gain is not None for one in shown)
    title = "Features by gain" if by_gain else "Features by loss of AUC when shuffled"
    sheet = canvas(title, FRAME + ROW * max(3, len(shown)), dark=dark)
    if not shown:
        return sheet.nothing("No features to draw")
    figure, (axes,) = sheet.panels((1.0,))
    look = sheet.palette
    values = [one.gain if by_gain and one.gain is not None else one.permutation or 0.0 for one in shown]
    places = list(range(len(shown)))
    axes.barh(places, values, color=look.accent, height=0.62)
    axes.invert_yaxis()
    axes.yaxis.tick_left()
    axes.set_yticks(places, [one.feature for one in shown], parse_math=False)
    axes.tick_params(axis="y", labelsize=SMALL_LETTERS, labelcolor=look.ink)
    axes.grid(False, axis="y")
    return png(figure)
