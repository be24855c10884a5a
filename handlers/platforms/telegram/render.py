"""Replies as Telegram messages: HTML, tables in fixed width, pages within 4096 characters, nothing cut."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.domain.notice import Severity
from handlers.picking import grouped
from handlers.render_text import broken_lines, reply_lines, table_lines, text_lines
from handlers.reply import Button, Reply
from handlers.text import clean, defused

MESSAGE_LENGTH = 4096
CAPTION_LENGTH = 1024
ALERT_LENGTH = 200
MOST_BUTTONS = 100
PLACEHOLDER_LENGTH = 64
TABLE_WIDTH = 38  # letters of fixed width on a phone held upright
_ROOM = MESSAGE_LENGTH - 96  # for the tags around a page
_LONGEST_LINE = 600  # escaping makes a letter up to six
_SHORT, _LONG = 7, 22  # letters of a label that leave room for four, or for no neighbour
_MARK = {Severity.CRITICAL: "🔴 ", Severity.TRADE: "", Severity.INFO: ""}


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of HTML; `fixed` ones are shown in fixed width."""

    html: str
    fixed: bool = False


def html_pages(reply: Reply) -> list[str]:
    """The reply's text as one or more messages."""
    pages: list[list[_Line]] = [[]]
    used = 0
    for line in _lines(reply):
        length = utf16_length(line.html) + (12 if line.fixed else 1)
        if pages[-1] and used + length > _ROOM:
            pages.append([])
            used = 0
        pages[-1].append(line)
        used += length
    return [_joined(page) for page in pages]


def plain_pages(reply: Reply) -> list[str]:
    """The same without any markup, for when Telegram refuses ours."""
    pages = [""]
    for line in broken_lines([defused(line) for line in reply_lines(reply, TABLE_WIDTH)], _LONGEST_LINE):
        if pages[-1] and utf16_length(pages[-1]) + utf16_length(line) >= _ROOM:
            pages.append("")
        pages[-1] = f"{pages[-1]}\n{line}" if pages[-1] else line
    return pages


def keyboard(buttons: Sequence[Button]) -> InlineKeyboardMarkup | None:
    """Inline buttons in rows: four short ones, three of the usual, long ones alone."""
    rows: list[list[InlineKeyboardButton]] = []
    for group in grouped(buttons):
        width = _row_width(group.buttons)
        made = [
            InlineKeyboardButton(clean(button.label) or "…", callback_data=button.id)
            for button in group.buttons
        ]
        rows += [made[start : start + width] for start in range(0, len(made), width)]
    return InlineKeyboardMarkup(rows) if rows else None


def _row_width(buttons: Sequence[Button]) -> int:
    longest = max(len(button.label) for button in buttons)
    return 4 if longest <= _SHORT else 3 if longest <= _LONG else 1


def alert_text(reply: Reply) -> str | None:
    """A refusal short enough for the box over the chat; None when it has to be a message."""
    title = clean(reply.title)
    text = f"{title}{'' if title.endswith(('.', '!', '?')) else '.'} {clean(reply.text)}".strip()
    bare = not (reply.ok or reply.buttons or reply.in_place or reply.fields or reply.table)
    return text if bare and utf16_length(text) <= ALERT_LENGTH else None


def utf16_length(text: str) -> int:
    """Length as Telegram counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _lines(reply: Reply) -> Iterator[_Line]:
    mark = _MARK[reply.severity] if reply.ok else "⚠️ "
    for line in broken_lines([clean(reply.title)], _LONGEST_LINE):
        yield _Line(f"{mark}<b>{_safe(line)}</b>")
    for label, value in reply.fields:
        yield from _field(clean(label), clean(value))
    if reply.table is not None:
        for line in broken_lines(table_lines(reply.table, TABLE_WIDTH), _LONGEST_LINE):
            yield _Line(_safe(line), fixed=True)
    for line in broken_lines(text_lines(reply.text), _LONGEST_LINE):
        yield _Line(_safe(line))


def _field(label: str, value: str) -> Iterator[_Line]:
    if len(label) + len(value) <= _LONGEST_LINE:
        yield _Line(f"{_safe(label)}: <b>{_safe(value)}</b>")
        return
    for piece in broken_lines([f"{label}: {value}"], _LONGEST_LINE):
        yield _Line(_safe(piece))


def _safe(text: str) -> str:
    return escape(defused(text))


def _joined(page: Sequence[_Line]) -> str:
    parts = []
    for fixed, lines in groupby(page, key=lambda line: line.fixed):
        body = "\n".join(line.html for line in lines)
        parts.append(f"<pre>{body}</pre>" if fixed else body)
    return "\n".join(parts)
