"""Replies as Discord messages: embeds and buttons within the limits, nothing cut, nobody mentioned."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

from discord import AllowedMentions, Colour, Embed, File
from discord.utils import escape_markdown

from bot.domain.notice import Severity
from handlers.picking import answerable
from handlers.platforms.discord.components import MOST_ROWS, Row, rows, view
from handlers.render_text import broken_lines, table_lines, text_lines
from handlers.reply import Button, Reply
from handlers.speaker import NOT_TAKEN
from handlers.text import clean, defused, unlinked

TABLE_WIDTH = 52
EMBED_LENGTH = 6000
_TITLE = 256
_NAME = 256
_VALUE = 1024
_FIELDS = 25
_BODY = 3900  # of a description's 4096
_ROOM = 5600  # of an embed's 6000
_LONGEST_LINE = 900  # escaping at most doubles or trebles it
_COLOURS = {Severity.CRITICAL: Colour.red(), Severity.TRADE: Colour.blue(), Severity.INFO: Colour.dark_grey()}
_TAG = re.compile(r"<(?=[@#:/at])")  # mentions, emoji, commands, times
PICTURE = "picture.png"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One Discord message."""

    embed: Embed
    rows: tuple[Row, ...] = ()
    files: tuple[tuple[str, bytes], ...] = ()

    @property
    def buttons(self) -> tuple[Button, ...]:
        """What hangs on it, whether drawn as buttons or as menus."""
        return tuple(button for row in self.rows for button in row.buttons)

    def arguments(self, ephemeral: bool | None = None) -> dict[str, Any]:
        """Keyword arguments of the library's send functions; files can be read once, so they are made here."""
        made: dict[str, Any] = {"embeds": [self.embed], "allowed_mentions": AllowedMentions.none()}
        if self.rows:
            made["view"] = view(self.rows)
        if self.files:
            made["files"] = [File(BytesIO(content), filename=name) for name, content in self.files]
        return made if ephemeral is None else {**made, "ephemeral": ephemeral}

    def bare(self) -> "Outgoing":
        """The same without its picture and file, which Discord refused."""
        embed = self.embed.copy().set_image(url=None)
        return replace(self, embed=embed.set_footer(text=NOT_TAKEN), files=())

    def changes(self) -> dict[str, Any]:
        """Keyword arguments of the library's edit functions: what the message had before is gone."""
        made = self.arguments()
        return {"attachments": made.pop("files", []), "view": made.pop("view", None), **made}


def messages(reply: Reply, png: bytes | None) -> list[Outgoing]:
    """The reply as one or more messages; the buttons hang on the last."""
    colour = _COLOURS[reply.severity] if reply.ok else Colour.orange()
    embeds = [_coloured(embed, colour) for embed in _embeds(reply)]
    made = [Outgoing(embed) for embed in embeds]
    files = [(reply.file.name, reply.file.content)] if reply.file else []
    if png is not None:
        embeds[0].set_image(url=f"attachment://{PICTURE}")
        files.append((PICTURE, png))
    made[0] = replace(made[0], files=tuple(files))
    drawn = tuple(rows(answerable(reply)))
    made[-1] = replace(made[-1], rows=drawn[:MOST_ROWS])
    rest = range(MOST_ROWS, len(drawn), MOST_ROWS)
    more = (Outgoing(Embed(description="more:"), drawn[start : start + MOST_ROWS]) for start in rest)
    return [*made, *more]


def safe(text: str) -> str:
    """Text without markup or mentions."""
    return _TAG.sub(r"\<", defused(escape_markdown(unlinked(clean(text)))))


def _embeds(reply: Reply) -> Iterator[Embed]:
    """The first embed has the title and as many fields as fit; bodies follow, each where there is room."""
    title = safe(reply.title)
    bodies = list(_bodies(reply))
    if len(title) > _TITLE:
        bodies = [*broken_lines([title], _BODY), *bodies]
        title = "…"
    embed = Embed(title=title)
    for name, value in _fields(reply.fields):
        if len(embed.fields) >= _FIELDS or len(embed) + len(name) + len(value) > _ROOM:
            yield embed
            embed = Embed()
        embed.add_field(name=name, value=value, inline=True)
    for body in bodies:
        if embed.description or len(embed) + len(body) > _ROOM:
            yield embed
            embed = Embed()
        embed.description = body
    yield embed


def _fields(fields: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for label, value in fields:
        name, text = safe(label) or "…", safe(value) or "–"
        if len(name) > _NAME:
            name, text = "…", f"{name}: {text}"
        for piece in broken_lines([text], _VALUE):
            yield name, piece


def _bodies(reply: Reply) -> Iterator[str]:
    """The table in fixed width, then the text, each in bodies that fit a description."""
    lines = table_lines(reply.table, TABLE_WIDTH) if reply.table else []
    fixed = [defused(line.replace("```", "ˋˋˋ")) for line in broken_lines(lines, _LONGEST_LINE)]
    tables = [f"```\n{body}\n```" for body in _packed(fixed)]
    texts = list(_packed([safe(line) for line in broken_lines(text_lines(reply.text), _LONGEST_LINE)]))
    if tables and texts and len(tables[-1]) + len(texts[0]) <= _BODY:
        tables[-1:] = [f"{tables[-1]}\n{texts.pop(0)}"]
    yield from tables
    yield from texts


def _packed(lines: Sequence[str]) -> Iterator[str]:
    body: list[str] = []
    used = 0
    for line in lines:
        if body and used + len(line) + 1 > _BODY - 10:
            yield "\n".join(body)
            body, used = [], 0
        body.append(line)
        used += len(line) + 1
    if body:
        yield "\n".join(body)


def _coloured(embed: Embed, colour: Colour) -> Embed:
    embed.colour = colour
    return embed
