"""A reply is a value, not a string: each platform renders it its own way and within its limits.

`severity` is bot.domain.notice.Severity: CRITICAL draws the eye, TRADE is the business, INFO the rest.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from bot.domain.account import EquityPoint
from bot.domain.command import Change
from bot.domain.notice import Severity
from bot.runtime.desk import Picture


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table; figures go to the right."""

    name: str
    align: Literal["left", "right"] = "left"


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows of cells, already formatted for people."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]

    def to_json(self) -> list[dict[str, str]]:
        """One object per row, keyed by column name."""
        names = [column.name for column in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class CandlePlot:
    """Candles of one symbol with what happened on them."""

    picture: Picture
    title: str


@dataclass(frozen=True, slots=True)
class EquityPlot:
    """The equity curve with the drawdown below it."""

    points: tuple[EquityPoint, ...]
    title: str


@dataclass(frozen=True, slots=True)
class BarPlot:
    """One bar per label, such as the profit per day; values in quote asset."""

    labels: tuple[str, ...]
    values: tuple[Decimal, ...]
    title: str


@dataclass(frozen=True, slots=True)
class ReliabilityPlot:
    """How often what a model said came true: per bin of scores the mean score, the share of targets, the rows.

    Scores, shares and `threshold` are 0 to 1.
    """

    bins: tuple[tuple[float, float, int], ...]
    threshold: float
    title: str


type Plot = CandlePlot | EquityPlot | BarPlot | ReliabilityPlot


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with the reply."""

    name: str
    content: bytes
    media_type: str = "text/csv"


class ButtonStyle(StrEnum):
    """How a button looks: DANGER for what costs money, PRIMARY for the likely choice."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    DANGER = "danger"


@dataclass(frozen=True, slots=True)
class Button:
    """A button runs `command_line` as the one who presses it, with that command's own role check and confirmation.

    Handlers leave `id` empty: the dispatcher fills it with an opaque text of at most 64 bytes. `prompt` is the label of
    a text that the press asks for and that ends the line ("Reason", "Code"): faces that have dialog boxes open one and
    send a MODAL request, the others send the press and the dispatcher takes the person's next line.
    """

    label: str
    command_line: str
    style: ButtonStyle = ButtonStyle.SECONDARY
    id: str = ""
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a confirmation is bound to: the desk's figures as shown on the card.

    When `facts` differ on the press (another position size, another limit), or one of `prices` has moved further than
    the allowed distance, nothing runs and the card is shown again with the new figures.
    """

    facts: str
    prices: tuple[Decimal, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What a command answers.

    `fields` are labelled figures in reading order, `text` is prose below the title, `ok` False is a refusal,
    `changes` go to the audit. `snapshot` is for previews: without one, a confirmation is bound to every figure of the
    card. `name` (the command) and `in_place` (a pressed button's card becomes this reply) are filled by the dispatcher,
    as are `take_back` (the asker's own message holds something that must not stay: the face deletes it if it can) and
    `expects` (the person's next line in this chat is taken as the answer: faces may open the keyboard for it).
    `private` replies are for the asker alone: faces show them to nobody else, or refuse outside a private chat.
    """

    title: str
    fields: tuple[tuple[str, str], ...] = ()
    table: Table | None = None
    text: str = ""
    plot: Plot | None = None
    file: Attachment | None = None
    buttons: tuple[Button, ...] = ()
    severity: Severity = Severity.INFO
    ok: bool = True
    changes: tuple[Change, ...] = ()
    snapshot: Snapshot | None = None
    name: str = ""
    in_place: bool = False
    private: bool = False
    take_back: bool = False
    expects: str = ""
    image: bytes = b""

    def to_json(self) -> dict[str, object]:
        """The reply for scripts: one object, figures as text, pictures and files by name only."""
        return {
            "name": self.name,
            "ok": self.ok,
            "title": self.title,
            "fields": dict(self.fields),
            "table": self.table.to_json() if self.table else [],
            "text": self.text,
            "severity": self.severity.value,
            "plot": self.plot.title if self.plot else "",
            "file": self.file.name if self.file else "",
            "changes": [
                {"name": change.name, "before": change.before, "after": change.after}
                for change in self.changes
            ],
            "buttons": [{"label": button.label, "command": button.command_line} for button in self.buttons],
        }


def refusal(title: str, text: str = "", buttons: tuple[Button, ...] = ()) -> Reply:
    """A reply that says no."""
    return Reply(title=title, text=text, buttons=buttons, ok=False)
