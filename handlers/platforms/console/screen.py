"""Replies and notices on a terminal: coloured where it is one, folded where it is narrow."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from bot.domain.notice import Severity
from handlers.platforms.console.inline import ImageProtocol, image_sequence
from handlers.render_text import (
    field_lines,
    last_column,
    table_lines,
    text_lines,
    text_width,
)
from handlers.reply import Button, ButtonStyle, Reply, Table
from handlers.text import clean

_GAIN, _LOSS = re.compile(r"\+[0-9]"), re.compile(r"[-−][0-9]")
_TITLE = {Severity.CRITICAL: "bold red", Severity.TRADE: "bold cyan", Severity.INFO: "bold"}
_BUTTON = {ButtonStyle.DANGER: "red", ButtonStyle.PRIMARY: "green", ButtonStyle.SECONDARY: ""}
_PLAIN_WIDTH = 120


def terminal(environ: Mapping[str, str], is_tty: bool) -> Console:
    """A terminal with colours only when it is one and NO_COLOR is not set; a pipe gets a page of fixed width."""
    if is_tty:
        return Console(no_color="NO_COLOR" in environ, highlight=False, soft_wrap=False, markup=False)
    width = environ.get("COLUMNS", "")
    fixed = int(width) if width.isdigit() and int(width) > 0 else _PLAIN_WIDTH
    return Console(
        force_terminal=False, no_color=True, color_system=None, highlight=False, markup=False, width=fixed
    )


@dataclass(slots=True)
class Screen:
    """Draws on a rich console. Foreign text is cleaned and never read as markup."""

    console: Console
    images: ImageProtocol = field(default=ImageProtocol.NONE)

    def show(self, reply: Reply) -> None:
        """One reply; buttons become numbered choices."""
        style = _TITLE[reply.severity] if reply.ok else "bold yellow"
        self.console.print(Text(clean(reply.title), style))
        if reply.fields:
            self._fields(reply.fields)
        if reply.table is not None:
            self._table(reply.table)
        for line in text_lines(reply.text):
            self.console.print(Text(line))
        self._buttons(reply.buttons)

    def show_unasked(self, reply: Reply, first: int = 1) -> None:
        """A reply that nobody asked for (a notice), marked so that it is not taken for an answer.

        `first` is the number of its first button.
        """
        mark = {Severity.CRITICAL: "!!", Severity.TRADE: "»", Severity.INFO: "·"}[reply.severity]
        self.console.print(Text(f"{mark} {clean(reply.title)}", _TITLE[reply.severity]))
        line = "  ".join(f"{clean(label)} {clean(value)}" for label, value in reply.fields)
        if line:
            self.console.print(Padding(Text(line, "dim"), (0, 0, 0, text_width(mark) + 1), expand=False))
        if reply.table is not None:
            self._table(reply.table)
        for prose in text_lines(reply.text):
            self.console.print(Text(prose))
        self._buttons(reply.buttons, first)

    def say(self, text: str) -> None:
        """Text of our own; long lines are left to the terminal, so that paths can be copied."""
        self.console.print(text, soft_wrap=True)

    def show_image(self, png: bytes) -> None:
        """The picture itself, where the terminal can."""
        sequence = image_sequence(png, self.images)
        if sequence:
            self.console.file.write(sequence)
            self.console.file.flush()

    def _fields(self, fields: Sequence[tuple[str, str]]) -> None:
        if not self.console.is_terminal:
            self._plain(field_lines(fields))
            return
        grid = Grid.grid(padding=(0, 2, 0, 0))
        for label, value in fields:
            grid.add_row(Text(clean(label), "dim"), _coloured(clean(value)))
        self.console.print(grid)

    def _table(self, table: Table) -> None:
        """In columns when they fit, otherwise in blocks: no cell is ever shortened."""
        last = last_column(table, self.console.width)
        if last is None or not self.console.is_terminal:
            self._plain(table_lines(table, self.console.width))
            return
        grid = Grid(
            box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), collapse_padding=True
        )
        *columns, prose = table.columns
        for column in columns:
            grid.add_column(clean(column.name), justify=column.align, no_wrap=True)
        grid.add_column(clean(prose.name), justify=prose.align, max_width=last, overflow="fold")
        for row in table.rows:
            grid.add_row(*(_coloured(clean(cell)) for cell in row))
        self.console.print(grid)

    def _plain(self, lines: Sequence[str]) -> None:
        """Lines as they are, without spaces at their ends."""
        for line in lines:
            self.console.print(line, soft_wrap=True)

    def _buttons(self, buttons: Sequence[Button], first: int = 1) -> None:
        if not buttons:
            return
        line = Text("   ").join(
            Text(f"[{number}] {clean(button.label)}", _BUTTON[button.style])
            for number, button in enumerate(buttons, first)
        )
        self.console.print(line)


def _coloured(cell: str) -> Text:
    """Gains green, losses red; a range (a -> b) is neither."""
    if " -> " not in cell and _GAIN.match(cell):
        return Text(cell, "green")
    return Text(cell, "red" if " -> " not in cell and _LOSS.match(cell) else "")
