"""Paper that the chat pictures are drawn on: text that wraps, boxes, rows of buttons, pictures. Sizes in pixels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Protocol

import matplotlib as mpl
from PIL import Image, ImageDraw, ImageFont

FONTS = Path(mpl.get_data_path()) / "fonts" / "ttf"
SMOOTH = 4
DISC = "🔴"  # a critical notice's mark: no font of matplotlib has it
DISC_COLOUR = "#e0443e"
COLOURS = 255


@dataclass(frozen=True, slots=True)
class Style:
    """How letters look."""

    size: int = 14
    colour: str = "#ffffff"
    bold: bool = False
    fixed: bool = False

    @property
    def line(self) -> int:
        """Height of a line."""
        return round(self.size * (1.32 if self.fixed else 1.42))


@dataclass(frozen=True, slots=True)
class Run:
    """Letters of one style; they may hold line ends."""

    text: str
    style: Style


@dataclass(frozen=True, slots=True)
class Button:
    """A button: `fill` is its colour, `edge` its border's, `pressed` when the person presses it next."""

    label: str
    fill: str
    ink: str
    edge: str = ""
    pressed: bool = False


class Piece(Protocol):
    """Something that can be laid on paper within a width."""

    def natural(self, most: int) -> int:
        """The width it would take, at most so much."""
        ...

    def height(self, width: int) -> int:
        """Its height at that width."""
        ...

    def draw(self, paper: "Paper", x: int, y: int, width: int) -> None:
        """Lay it."""
        ...


@cache
def font(style: Style) -> ImageFont.FreeTypeFont:
    """DejaVu, as matplotlib brings it."""
    name = f"DejaVuSans{'Mono' if style.fixed else ''}{'-Bold' if style.bold else ''}.ttf"
    return ImageFont.truetype(FONTS / name, style.size, layout_engine=ImageFont.Layout.BASIC)


def span(text: str, style: Style) -> float:
    """Width of one line of letters."""
    return font(style).getlength(text.replace(DISC, "")) + text.count(DISC) * style.size


class Paper:
    """A picture that grows as it is needed: draw on it, then `png` gives the part that was used."""

    def __init__(self, width: int, height: int, ground: str) -> None:
        self.image = Image.new("RGB", (width, height), ground)
        self.pen = ImageDraw.Draw(self.image)

    def box(self, place: tuple[int, int, int, int], fill: str, radius: int = 8, edge: str = "") -> None:
        """A box with round corners at left, top, width, height; `edge` is its border's colour."""
        x, y, width, height = place
        if edge:
            self.box(place, edge, radius)
            self.box((x + 1, y + 1, width - 2, height - 2), fill, max(radius - 1, 0))
            return
        mask = Image.new("L", (width * SMOOTH, height * SMOOTH))
        corner = (0, 0, width * SMOOTH - 1, height * SMOOTH - 1)
        ImageDraw.Draw(mask).rounded_rectangle(corner, radius * SMOOTH, fill=255)
        self.image.paste(fill, (x, y), mask.resize((width, height), Image.Resampling.LANCZOS))

    def letters(self, x: float, y: int, text: str, style: Style) -> None:
        """One line, its top at `y`."""
        base = y + round(style.line * 0.77)
        for part in _parts(text):
            if part == DISC:
                size = style.size - 2
                self.box((round(x), base - size + 1, size, size), DISC_COLOUR, size // 2)
            else:
                self.pen.text((x, base), part, style.colour, font(style), anchor="ls")
            x += span(part, style)

    def png(self, height: int) -> bytes:
        """The upper part, with few colours so that it is small."""
        used = self.image.crop((0, 0, self.image.width, height))
        small = used.quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        out = BytesIO()
        small.save(out, "PNG", optimize=True)
        return out.getvalue()


def _parts(text: str) -> Iterator[str]:
    for number, part in enumerate(text.replace("\ufe0f", "").split(DISC)):
        if number:
            yield DISC
        if part:
            yield part


@dataclass(frozen=True, slots=True)
class Text:
    """Runs that follow one another and wrap at blanks; fixed width keeps its blanks and must fit."""

    runs: tuple[Run, ...]

    def natural(self, most: int) -> int:
        """The longest line."""
        return min(most, round(max((_width(line) for line in self._lines(most)), default=0)) + 1)

    def height(self, width: int) -> int:
        """All lines."""
        return sum(_height(line) for line in self._lines(width))

    def draw(self, paper: Paper, x: int, y: int, width: int) -> None:
        """Line by line."""
        for line in self._lines(width):
            at = float(x)
            for run in line:
                paper.letters(at, y, run.text, run.style)
                at += span(run.text, run.style)
            y += _height(line)

    def _lines(self, width: int) -> list[list[Run]]:
        lines: list[list[Run]] = [[]]
        for run in self.runs:
            for number, piece in enumerate(run.text.split("\n")):
                if number:
                    lines.append([Run("", run.style)])
                for word in [piece] if run.style.fixed else _words(piece):
                    if lines[-1] and _width(lines[-1]) + span(word.rstrip(), run.style) > width:
                        if run.style.fixed and not lines[-1][0].text:
                            raise SystemExit(f"too wide for the picture: {word}")
                        lines.append([])
                    lines[-1].append(Run(word, run.style))
        return lines


def _words(text: str) -> list[str]:
    """Words with the blank behind each."""
    parts = text.split(" ")
    return [f"{word} " for word in parts[:-1]] + [parts[-1]]


def _width(line: Sequence[Run]) -> float:
    return sum(span(run.text, run.style) for run in line)


def _height(line: Sequence[Run]) -> int:
    return max((run.style.line for run in line), default=0)


@dataclass(frozen=True, slots=True)
class Boxed:
    """A text in a box of its own, as fixed width is shown; `mark` is the colour of a bar at its left."""

    text: Text
    fill: str
    edge: str = ""
    mark: str = ""
    pad: int = 9

    def natural(self, most: int) -> int:
        """With its margins."""
        return self.text.natural(most - 2 * self.pad) + 2 * self.pad

    def height(self, width: int) -> int:
        """With its margins."""
        return self.text.height(width - 2 * self.pad) + 2 * self.pad - 4

    def draw(self, paper: Paper, x: int, y: int, width: int) -> None:
        """The box, then the text."""
        paper.box((x, y, width, self.height(width)), self.fill, 5, self.edge)
        if self.mark:
            paper.box((x, y, 3, self.height(width)), self.mark, 1)
        self.text.draw(paper, x + self.pad, y + self.pad - 2, width - 2 * self.pad)


@dataclass(frozen=True, slots=True)
class Columns:
    """Texts side by side, `count` in a row; `least` is the width below which they are not pressed."""

    texts: tuple[Text, ...]
    count: int
    gap: int = 10

    def natural(self, most: int) -> int:
        """All there is."""
        return most

    def height(self, width: int) -> int:
        """All rows."""
        rows = [max(text.height(self._each(width)) for text in row) for row in self._rows()]
        return sum(rows) + self.gap * (len(rows) - 1)

    def draw(self, paper: Paper, x: int, y: int, width: int) -> None:
        """Row by row."""
        each = self._each(width)
        for row in self._rows():
            for place, text in enumerate(row):
                text.draw(paper, x + place * (each + self.gap), y, each)
            y += max(text.height(each) for text in row) + self.gap

    def _each(self, width: int) -> int:
        return (width - self.gap * (self.count - 1)) // self.count

    def _rows(self) -> list[tuple[Text, ...]]:
        return [self.texts[at : at + self.count] for at in range(0, len(self.texts), self.count)]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture, made smaller when it has no room; `most` is its greatest height."""

    content: bytes
    most: int = 2000

    def natural(self, most: int) -> int:
        """Its own width, as far as there is room."""
        return self._size(most)[0]

    def height(self, width: int) -> int:
        """At its own proportions."""
        return self._size(width)[1]

    def draw(self, paper: Paper, x: int, y: int, width: int) -> None:
        """The picture."""
        made = Image.open(BytesIO(self.content)).convert("RGB")
        paper.image.paste(made.resize(self._size(width), Image.Resampling.LANCZOS), (x, y))

    def _size(self, width: int) -> tuple[int, int]:
        own = Image.open(BytesIO(self.content)).size
        scale = min(1.0, width / own[0], self.most / own[1])
        return round(own[0] * scale), round(own[1] * scale)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of buttons; `even` ones share the whole width, the others are as wide as their labels and flow on."""

    rows: tuple[tuple[Button, ...], ...]
    even: bool
    tall: int = 32
    gap: int = 6
    style: Style = Style(13)

    def natural(self, most: int) -> int:
        """All there is."""
        return most

    def height(self, width: int) -> int:
        """All rows."""
        return len(self._lines(width)) * (self.tall + self.gap) - self.gap

    def draw(self, paper: Paper, x: int, y: int, width: int) -> None:
        """Row by row."""
        for line in self._lines(width):
            at = x
            for place, (button, wide) in enumerate(line):
                end = x + width if self.even and place == len(line) - 1 else at + wide
                self._button(paper, button, (at, y, end - at, self.tall))
                at = end + self.gap
            y += self.tall + self.gap

    def _button(self, paper: Paper, button: Button, place: tuple[int, int, int, int]) -> None:
        x, y, width, tall = place
        if button.pressed:
            paper.box((x - 2, y - 2, width + 4, tall + 4), button.ink, 9)
        paper.box(place, button.fill, 7, button.edge)
        style = Style(self.style.size, button.ink, self.style.bold)
        wide = span(button.label, style)
        if wide > width - 8:
            raise SystemExit(f"too wide for its button: {button.label}")
        paper.letters(x + (width - wide) / 2, y + (tall - style.line) // 2, button.label, style)

    def _lines(self, width: int) -> list[list[tuple[Button, int]]]:
        if self.even:
            return [
                [(one, (width - self.gap * (len(row) - 1)) // len(row)) for one in row] for row in self.rows
            ]
        lines: list[list[tuple[Button, int]]] = []
        for row in self.rows:
            lines.append([])
            for button in row:
                wide = round(span(button.label, self.style)) + 28
                if sum(used + self.gap for _, used in lines[-1]) + wide > width:
                    lines.append([])
                lines[-1].append((button, wide))
        return lines


@dataclass(frozen=True, slots=True)
class Stack:
    """Pieces below one another."""

    pieces: tuple[Piece, ...]
    gap: int = 6

    def natural(self, most: int) -> int:
        """The widest."""
        return max((piece.natural(most) for piece in self.pieces), default=0)

    def height(self, width: int) -> int:
        """All of them."""
        return sum(piece.height(width) + self.gap for piece in self.pieces) - self.gap

    def draw(self, paper: Paper, x: int, y: int, width: int) -> None:
        """One after the other."""
        for piece in self.pieces:
            piece.draw(paper, x, y, width)
            y += piece.height(width) + self.gap
