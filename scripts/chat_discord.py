"""Discord's direct messages drawn from the emulator's messages, dark."""

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chat_paper import Boxed, Button, Columns, Paper, Picture, Piece, Rows, Run, Stack, Style, Text, span

from sandbox.chat.discord.nouns import Interaction, InteractionKind, Message

WIDTH, EDGE, LEFT, PAD = 600, 14, 66, 14
INNER = WIDTH - LEFT - EDGE
GROUND, CARD, FIXED, INK, FAINT = "#313338", "#2b2d31", "#1e1f22", "#dbdee1", "#949ba4"
FILLS = {1: "#5865f2", 2: "#4e5058", 3: "#248046", 4: "#da373c"}
"""Colours of buttons by Discord's numbers of their styles."""

PLAIN, NAME, SMALL = Style(14, INK), Style(13, "#f2f3f5", True), Style(11, FAINT)
_FENCE = re.compile(r"```\n?(.*?)\n?```", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Shot:
    """A message as it looked at a moment; `line` is the slash command it answers, `pressed` what is pressed next."""

    message: Message
    line: str = ""
    pressed: str = ""


def shot(message: Message, made: Sequence[Interaction] = (), pressed: str = "") -> Shot:
    """The message as it is now, and which of the things people did it answers."""
    asked = next(
        (one for one in made if one.original is message and one.kind is InteractionKind.COMMAND), None
    )
    line = ""
    if asked is not None:
        line = f"{asked.user.name} used {_line(asked.payload['data'])}"
    return Shot(copy.deepcopy(message), line, pressed)


def chat(shots: Sequence[Shot]) -> bytes:
    """The messages as PNG."""
    paper = Paper(WIDTH, 4000, GROUND)
    y = 14
    for one in shots:
        y = _message(paper, one, y) + 16
    return paper.png(y)


def _line(data: dict[str, Any]) -> str:
    given = "".join(f" {one['value']}" for one in data.get("options", ()))
    return f"/{data['name']}{given}"


def _message(paper: Paper, one: Shot, y: int) -> int:
    """One message with its head; gives where it ends."""
    message, name = one.message, str(one.message.author["username"])
    if one.line:
        paper.letters(LEFT, y, one.line, Style(12, "#b5bac1"))
        y += 22
    paper.box((EDGE, y, 38, 38), "#5865f2", 19)
    first = Style(17, "#ffffff", True)
    paper.letters(EDGE + 19 - span(name[0].upper(), first) / 2, y + 7, name[0].upper(), first)
    head = Style(15, "#f2f3f5", True)
    paper.letters(LEFT, y - 1, name, head)
    x = LEFT + round(span(name, head)) + 8
    paper.box((x, y + 2, 34, 16), "#5865f2", 4)
    paper.letters(x + 5, y + 3, "APP", Style(10, "#ffffff", True))
    paper.letters(x + 44, y + 2, f"{datetime.fromtimestamp(message.at_ms / 1000, UTC):%H:%M}", SMALL)
    body = Stack(tuple(_pieces(one)), 8)
    body.draw(paper, LEFT, y + 24, INNER)
    return max(y + 24 + body.height(INNER), y + 38)


def _pieces(one: Shot) -> list[Piece]:
    message = one.message
    pieces: list[Piece] = _marked(message.content) if message.content else []
    pieces += [_embed(embed, message) for embed in message.embeds]
    rows = tuple(
        tuple(
            Button(str(part["label"]), FILLS[int(part["style"])], "#ffffff", "", part["label"] == one.pressed)
            for part in row["components"]
        )
        for row in message.components
    )
    return [*pieces, Rows(rows, False)] if rows else pieces


def _embed(embed: dict[str, Any], message: Message) -> Piece:
    """Title, description, fields three in a row, picture; in a box with a bar of its colour."""
    pieces: list[Piece] = []
    if embed.get("title"):
        pieces.append(Text((Run(_plain(str(embed["title"])), Style(15, "#f2f3f5", True)),)))
    pieces += _marked(str(embed.get("description") or ""))
    fields = embed.get("fields") or ()
    if fields:
        texts = (
            Text((Run(_plain(f["name"]) + "\n", NAME), Run(_plain(f["value"]), Style(13, INK))))
            for f in fields
        )
        pieces.append(Columns(tuple(texts), 3))
    if embed.get("image"):
        pieces += [Picture(one.content, 380) for one in message.attachments]
    return Card(Stack(tuple(pieces), 8), f"#{int(embed.get('color') or 0):06x}")


@dataclass(frozen=True, slots=True)
class Card:
    """An embed: what is in it, and its bar's colour."""

    inside: Stack
    bar: str

    def natural(self, most: int) -> int:
        """All there is."""
        return most

    def height(self, width: int) -> int:
        """With its margins."""
        return self.inside.height(width - 2 * PAD - 4) + 2 * PAD - 4

    def draw(self, paper: Paper, x: int, y: int, width: int) -> None:
        """Bar, box, inside."""
        tall = self.height(width)
        paper.box((x, y, 16, tall), self.bar, 5)
        paper.box((x + 4, y, width - 4, tall), CARD, 4)
        self.inside.draw(paper, x + PAD + 4, y + PAD - 3, width - 2 * PAD - 4)


def _marked(text: str) -> list[Piece]:
    """Text and what is fenced in it."""
    pieces: list[Piece] = []
    for number, part in enumerate(_FENCE.split(text)):
        if number % 2:
            pieces.append(Boxed(Text((Run(part, Style(13, INK, fixed=True)),)), FIXED))
        elif part.strip():
            pieces.append(Text((Run(_plain(part.strip("\n")), PLAIN),)))
    return pieces


def _plain(text: str) -> str:
    """Without the strokes that keep Discord from reading markup into it."""
    return _ESCAPED.sub(r"\1", text)
