"""Slack's direct messages drawn from the emulator's messages, light."""

import copy
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chat_paper import Boxed, Button, Columns, Paper, Picture, Piece, Rows, Run, Stack, Style, Text, span

from sandbox.chat.slack.mrkdwn import shown
from sandbox.chat.slack.nouns import Message, User

WIDTH, EDGE, LEFT = 600, 16, 64
INNER = WIDTH - LEFT - EDGE
GROUND, INK, FAINT, FIXED, LINE = "#ffffff", "#1d1c1d", "#616061", "#f7f7f7", "#d5d5d6"
STYLES = {
    "primary": ("#007a5a", "#ffffff", ""),
    "danger": ("#e01e5a", "#ffffff", ""),
    "": (GROUND, INK, "#bbbabb"),
}
PLAIN, BOLD = Style(14, INK), Style(14, INK, True)
_FENCE = re.compile(r"```\n?(.*?)\n?```", re.DOTALL)
_STRONG = re.compile(r"(?<!\w)\*([^*\n]+)\*(?!\w)")


@dataclass(frozen=True, slots=True)
class Shot:
    """A message as it looked at a moment, and who wrote it."""

    message: Message
    author: User


def shot(message: Message, author: User) -> Shot:
    """The message as it is now."""
    return Shot(copy.deepcopy(message), author)


def chat(shots: Sequence[Shot]) -> bytes:
    """The messages as PNG."""
    paper = Paper(WIDTH, 4000, GROUND)
    y = 14
    for one in shots:
        y = _message(paper, one, y) + 18
    return paper.png(y - 2)


def _message(paper: Paper, one: Shot, y: int) -> int:
    """One message with its head; gives where it ends."""
    name, at_s = one.author.name, float(one.message.ts)
    paper.box((EDGE, y, 36, 36), "#4a154b" if one.author.bot else "#2b7a78", 6)
    first = Style(17, "#ffffff", True)
    paper.letters(EDGE + 18 - span(name[0].upper(), first) / 2, y + 6, name[0].upper(), first)
    head = Style(15, INK, True)
    paper.letters(LEFT, y - 2, name, head)
    x = LEFT + round(span(name, head)) + 8
    if one.author.bot:
        paper.box((x, y + 2, 32, 15), "#e8e8e8", 3)
        paper.letters(x + 5, y + 2, "APP", Style(10, FAINT, True))
        x += 40
    paper.letters(x, y + 1, f"{datetime.fromtimestamp(at_s, UTC):%H:%M}", Style(11, FAINT))
    body = Stack(tuple(_pieces(one.message)), 9)
    body.draw(paper, LEFT, y + 22, INNER)
    return max(y + 22 + body.height(INNER), y + 36)


def _pieces(message: Message) -> Iterator[Piece]:
    if not message.blocks:
        yield from _marked(message.text)
    for block in message.blocks:
        yield from _block(block)
    for file in message.files:
        yield Picture(file.content or b"", 380)


def _block(block: dict[str, Any]) -> Iterator[Piece]:
    """A block as Slack's client lays it out."""
    match block["type"]:
        case "header":
            yield Text((Run(shown(str(block["text"]["text"])), Style(17, INK, True)),))
        case "section" if "fields" in block:
            yield Columns(tuple(Text(tuple(_runs(field))) for field in block["fields"]), 2)
        case "section":
            yield from _section(block["text"])
        case "actions":
            yield Rows((tuple(_button(one) for one in block["elements"]),), False)
        case other:
            raise SystemExit(f"no drawing for a block of type {other}")


def _section(text: dict[str, Any]) -> Iterator[Piece]:
    if text["type"] == "plain_text":
        yield Text((Run(shown(str(text["text"])), PLAIN),))
    else:
        yield from _marked(str(text["text"]))


def _marked(text: str) -> Iterator[Piece]:
    """Text and what is fenced in it."""
    for number, part in enumerate(_FENCE.split(text)):
        if number % 2:
            yield Boxed(Text((Run(shown(part), Style(13, INK, fixed=True)),)), FIXED, LINE)
        elif part.strip():
            yield Text(tuple(_runs({"type": "mrkdwn", "text": part.strip("\n")})))


def _runs(text: dict[str, Any]) -> Iterator[Run]:
    """Letters, bold between stars where markup counts."""
    whole = str(text["text"])
    if text["type"] == "plain_text":
        yield Run(shown(whole), PLAIN)
        return
    for number, part in enumerate(_STRONG.split(whole)):
        if part:
            yield Run(shown(part), BOLD if number % 2 else PLAIN)


def _button(element: dict[str, Any]) -> Button:
    if element["type"] != "button":
        raise SystemExit(f"no drawing for a {element['type']}")
    fill, ink, edge = STYLES[str(element.get("style") or "")]
    return Button(str(element["text"]["text"]), fill, ink, edge)
