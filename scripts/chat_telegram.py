"""Telegram's private chat drawn from the emulator's messages, dark."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from chat_paper import Boxed, Button, Paper, Picture, Piece, Rows, Run, Stack, Style, Text, span

from sandbox.chat.telegram.markup import inline_rows
from sandbox.chat.telegram.nouns import Post
from sandbox.chat.telegram.styled import Entity, Styled

WIDTH, EDGE, PAD = 560, 14, 11
MOST = 500
GROUND, HEAD, MINE, THEIRS, KEY, FIXED = "#0e1621", "#17212b", "#2b5278", "#182533", "#253a50", "#101a24"
INK, FAINT, LINK = "#f2f6fa", "#7d8e9e", "#6ab3f3"
PLAIN, SMALL = Style(15, INK), Style(11, FAINT)


@dataclass(frozen=True, slots=True)
class Shot:
    """A message as it looked at a moment; `pressed` is the button that the person presses then."""

    mine: bool
    at_ms: int
    text: Styled
    photo: bytes | None
    rows: tuple[tuple[str, ...], ...]
    edited: bool
    pressed: str = ""


def shot(post: Post, pressed: str = "") -> Shot:
    """The message as it is now."""
    rows = tuple(tuple(str(one["text"]) for one in row) for row in inline_rows(post.markup))
    photo = post.photo.content if post.photo else None
    mine = post.sender is not None and not post.sender.is_bot
    return Shot(mine, post.at_ms, post.text, photo, rows, bool(post.edited_ms), pressed)


def chat(name: str, shots: Sequence[Shot]) -> bytes:
    """The chat with a bot of that name, as PNG."""
    paper = Paper(WIDTH, 4000, GROUND)
    paper.box((0, 0, WIDTH, 44), HEAD, 0)
    paper.box((EDGE, 6, 32, 32), "#4d8fd1", 16)
    first = Style(15, INK, True)
    paper.letters(EDGE + 16 - span(name[0], first) / 2, 12, name[0], first)
    paper.letters(EDGE + 44, 12, name, first)
    y = 56
    for one in shots:
        y = _bubble(paper, one, y) + 10
    return paper.png(y + 2)


def _bubble(paper: Paper, one: Shot, y: int) -> int:
    """One message and its buttons; gives where it ends."""
    body = _body(one)
    stamp = f"{'edited ' if one.edited else ''}{datetime.fromtimestamp(one.at_ms / 1000, UTC):%H:%M}"
    room = MOST - 2 * PAD
    least = round(span(stamp, SMALL)) + (body.natural(room) + 16 if one.mine else 0)
    inner = room if one.rows or one.photo else max(body.natural(room), least)
    wide, tall = min(inner if not one.mine else max(inner, least), room) + 2 * PAD, body.height(inner)
    x = WIDTH - EDGE - wide if one.mine else EDGE
    under = 0 if one.mine else 15
    paper.box((x, y, wide, tall + 14 + under), MINE if one.mine else THEIRS, 12)
    body.draw(paper, x + PAD, y + 6, inner)
    stamp_y = y + 6 + tall + (under - 15 if not one.mine else -17)
    faint = Style(11, "#9cc1e4") if one.mine else SMALL
    paper.letters(x + wide - PAD - span(stamp, SMALL), stamp_y, stamp, faint)
    y += tall + 14 + under
    if not one.rows:
        return y
    keys = tuple(tuple(Button(w, KEY, INK, "", w == one.pressed) for w in row) for row in one.rows)
    rows = Rows(keys, True, 34, 5)
    rows.draw(paper, x, y + 5, wide)
    return y + 5 + rows.height(wide)


def _body(one: Shot) -> Stack:
    pieces: list[Piece] = [Picture(one.photo, 420)] if one.photo else []
    runs: list[Run] = []
    for text, entity in _cut(one.text):
        if entity is not None and entity.kind == "pre":
            pieces += _text(runs)
            runs = []
            fixed = Text((Run(text.strip("\n"), Style(13, INK, fixed=True)),))
            pieces.append(Boxed(fixed, FIXED, mark="#5f9bd8"))
        else:
            runs.append(Run(text, _style(entity)))
    return Stack((*pieces, *_text(runs)))


def _style(entity: Entity | None) -> Style:
    match entity.kind if entity else "":
        case "bold":
            return Style(15, INK, True)
        case "code":
            return Style(14, LINK, fixed=True)
        case "bot_command" | "mention":
            return Style(15, LINK)
        case _:
            return PLAIN


def _text(runs: list[Run]) -> list[Piece]:
    """Lines, without the line ends beside a box."""
    whole = "".join(run.text for run in runs)
    if not whole.strip():
        return []
    first, last = runs[0], runs[-1]
    kept = [Run(first.text.lstrip("\n"), first.style), *runs[1:]]
    kept[-1] = Run(kept[-1].text.rstrip("\n"), last.style)
    return [Text(tuple(run for run in kept if run.text))]


def _cut(text: Styled) -> list[tuple[str, Entity | None]]:
    """The text in pieces, each with what it is marked as; marks do not overlap in what the desk writes."""
    units, at = text.text.encode("utf-16-le"), 0
    found: list[tuple[str, Entity | None]] = []
    for one in sorted(text.entities, key=lambda entity: entity.offset):
        if one.offset < at:
            continue
        found.append((units[at * 2 : one.offset * 2].decode("utf-16-le"), None))
        found.append((text.piece(one), one))
        at = one.end
    found.append((units[at * 2 :].decode("utf-16-le"), None))
    return [(piece, mark) for piece, mark in found if piece]
