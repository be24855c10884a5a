"""The look all pictures share: two palettes, a sheet of paper, axes that stay behind the data."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

WIDTH = 1200
DOTS_PER_INCH = 175
"""1200 dots at 175 to the inch make 7 inches: letters of 9 points are readable on a phone's full width."""

SMALL_LETTERS = 8.5
TITLE_LETTERS, TITLE_LENGTH = 11.5, 58
"""A title longer than this is written smaller, so that it still fits its line."""


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours by what they mean. Gain and loss differ in lightness too, for those who see red and green alike."""

    paper: str
    panel: str
    grid: str
    ink: str
    faint: str
    gain: str
    loss: str
    accent: str
    stop: str
    target: str
    entry: str
    lines: tuple[str, ...]


DARK = Palette(
    paper="#10141b",
    panel="#10141b",
    grid="#232a35",
    ink="#e6e9ef",
    faint="#8b95a5",
    gain="#2fc6a2",
    loss="#e5484d",
    accent="#5aa9ff",
    stop="#ff7b72",
    target="#4cd3a5",
    entry="#c9d1d9",
    lines=("#f5c451", "#56d4dd", "#c58af9", "#ff9e64", "#f78fb3"),
)
LIGHT = Palette(
    paper="#ffffff",
    panel="#ffffff",
    grid="#e7eaef",
    ink="#1c2430",
    faint="#667085",
    gain="#0f9d7a",
    loss="#c9302c",
    accent="#1f6feb",
    stop="#c9302c",
    target="#0f9d7a",
    entry="#3b4453",
    lines=("#c98a00", "#0b8fa3", "#8a3ffc", "#d9600d", "#c2417c"),
)


@dataclass(frozen=True, slots=True)
class Canvas:
    """What to draw on: title, the operator's time zone, quote asset, dark or light, size in dots."""

    title: str
    zone: tzinfo
    quote: str
    dark: bool
    width: int
    height: int

    @property
    def palette(self) -> Palette:
        """The colours in use."""
        return DARK if self.dark else LIGHT

    def panels(self, ratios: Sequence[float]) -> tuple["Figure", list["Axes"]]:
        """A figure with panels of these heights one below the other, sharing the time axis."""
        from matplotlib.figure import Figure

        size = (self.width / DOTS_PER_INCH, self.height / DOTS_PER_INCH)
        figure = Figure(figsize=size, dpi=DOTS_PER_INCH, facecolor=self.palette.paper, layout=_spaced())
        grid = figure.add_gridspec(len(ratios), 1, height_ratios=list(ratios))
        axes: list[Axes] = []
        for row in range(len(ratios)):
            axes.append(figure.add_subplot(grid[row], sharex=axes[0] if axes else None))
            self._dress(axes[row], lowest=row == len(ratios) - 1)
        # Titles may carry a strategy's or a symbol's own characters: never read them as formulas.
        figure.suptitle(
            self.title,
            x=0.012,
            ha="left",
            color=self.palette.ink,
            fontsize=TITLE_LETTERS * min(1.0, TITLE_LENGTH / max(1, len(self.title))),
            weight="bold",
            parse_math=False,
        )
        return figure, axes

    def _dress(self, axes: "Axes", lowest: bool) -> None:
        look = self.palette
        axes.set_facecolor(look.panel)
        axes.grid(True, color=look.grid, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.yaxis.tick_right()
        axes.yaxis.set_label_position("left")
        axes.tick_params(colors=look.faint, labelsize=SMALL_LETTERS, length=0, labelbottom=lowest)
        axes.spines[["top", "left"]].set_visible(False)
        axes.spines[["right", "bottom"]].set_color(look.grid)
        axes.margins(x=0.01)

    def label(self, axes: "Axes", text: str) -> None:
        """Name the value axis."""
        axes.set_ylabel(text, color=self.palette.faint, fontsize=SMALL_LETTERS, labelpad=4)

    def label_time(self, axes: "Axes", text: str) -> None:
        """Name the time axis."""
        axes.set_xlabel(text, color=self.palette.faint, fontsize=SMALL_LETTERS)

    def legend(self, axes: "Axes") -> None:
        """Name the lines above the panel, where no data is."""
        handles, labels = axes.get_legend_handles_labels()
        if not handles:
            return
        axes.legend(
            handles,
            labels,
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=min(len(labels), 6),
            frameon=False,
            fontsize=SMALL_LETTERS,
            labelcolor=self.palette.ink,
            handlelength=1.4,
            columnspacing=1.2,
            borderaxespad=0.2,
        )

    def nothing(self, text: str) -> bytes:
        """A picture that says why it is empty."""
        figure, (axes,) = self.panels((1.0,))
        axes.set_axis_off()
        axes.text(
            0.5,
            0.5,
            text,
            transform=axes.transAxes,
            ha="center",
            va="center",
            color=self.palette.faint,
            fontsize=13,
        )
        return png(figure)


def _spaced() -> "ConstrainedLayoutEngine":
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    return ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.07)


def png(figure: "Figure") -> bytes:
    """The figure as PNG bytes."""
    paper = BytesIO()
    figure.savefig(
        paper, format="png", pil_kwargs={"compress_level": 1}
    )  # a sixth of the time for half as much again
    return paper.getvalue()
