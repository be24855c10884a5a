"""Replies as plain lines: tables aligned, folded when the page is narrow, split into messages but never cut."""

from collections.abc import Iterator, Sequence
from unicodedata import combining, east_asian_width

from bot.domain.notice import Notice
from handlers.reply import Reply, Table
from handlers.text import clean

_GAP = 2
_LEAST_PROSE = 36  # narrower than this, prose reads better below its row than beside it


def notice_reply(notice: Notice) -> Reply:
    """A notice as a reply, so that platforms render both alike."""
    return Reply(notice.title, notice.fields, severity=notice.severity)


def text_width(text: str) -> int:
    """Columns that a text takes in a fixed-width face."""
    return sum(0 if combining(letter) else 2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def padded(text: str, width: int, align: str = "left") -> str:
    """A text filled with spaces."""
    space = " " * max(0, width - text_width(text))
    return space + text if align == "right" else text + space


def text_lines(text: str) -> list[str]:
    """Lines of prose, each cleaned."""
    return [clean(line) for line in text.split("\n")] if text else []


def field_lines(fields: Sequence[tuple[str, str]]) -> list[str]:
    """Labels and values in two columns."""
    cleaned = [(clean(label), clean(value)) for label, value in fields]
    width = max((text_width(label) for label, _ in cleaned), default=0) + _GAP
    return [f"{padded(label, width)}{value}".rstrip() for label, value in cleaned]


def last_column(table: Table, width: int) -> int | None:
    """How wide the last column of prose can be on a page; None when the table has to be folded into blocks."""
    *others, last = _widths(table)
    room = width - sum(others) - _GAP * len(others)
    if last <= room:
        return last
    return room if table.columns[-1].align == "left" and room >= _LEAST_PROSE else None


def _widths(table: Table) -> list[int]:
    rows = [[column.name for column in table.columns], *table.rows]
    return [max(text_width(clean(cell)) for cell in column) for column in zip(*rows, strict=True)]


def table_lines(table: Table, width: int) -> list[str]:
    """The table in columns, prose in the last one wrapped; one block per row when it is wider than the page."""
    heads = [clean(column.name) for column in table.columns]
    rows = [[clean(cell) for cell in row] for row in table.rows]
    last = last_column(table, width)
    if last is None:
        return list(_blocks(heads, rows))
    widths = [*_widths(table)[:-1], last]
    aligns = [column.align for column in table.columns]
    return [line for row in [heads, *rows] for line in _row_lines(row, widths, aligns)]


def _row_lines(row: Sequence[str], widths: Sequence[int], aligns: Sequence[str]) -> Iterator[str]:
    *cells, prose = row
    first, *more = wrapped(prose, widths[-1]) or [""]
    yield _line([*cells, first], widths, aligns)
    for line in more:
        yield _line([*("" for _ in cells), line], widths, aligns)


def wrapped(text: str, width: int) -> list[str]:
    """A text in lines of at most `width` columns, broken between words; a longer word is broken, never cut."""
    if text_width(text) <= width:
        return [text]
    lines = [""]
    for word in text.split(" "):
        room = width - text_width(lines[-1]) - 1
        if lines[-1] and text_width(word) <= room:
            lines[-1] += f" {word}"
        else:
            lines += _pieces(word, width)
    return lines[1:]


def _pieces(word: str, width: int) -> list[str]:
    pieces = [""]
    for letter in word:
        if text_width(pieces[-1] + letter) > width:
            pieces.append("")
        pieces[-1] += letter
    return pieces


def reply_lines(reply: Reply, width: int) -> list[str]:
    """The whole reply in plain text."""
    lines = [clean(reply.title), *field_lines(reply.fields)]
    lines += table_lines(reply.table, width) if reply.table else []
    return lines + text_lines(reply.text)


def broken_lines(lines: Sequence[str], most: int) -> Iterator[str]:
    """Lines of at most `most` characters."""
    for line in lines:
        yield from (line[start : start + most] for start in range(0, max(1, len(line)), most))


def _line(cells: Sequence[str], widths: Sequence[int], aligns: Sequence[str]) -> str:
    columns = zip(cells, widths, aligns, strict=True)
    return (" " * _GAP).join(padded(cell, width, align) for cell, width, align in columns).rstrip()


def _blocks(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Each row as a block: its first cell, then a line per further column."""
    width = max((text_width(head) for head in heads[1:]), default=0) + _GAP
    for number, row in enumerate(rows):
        if number:
            yield ""
        yield row[0]
        yield from (
            f"  {padded(head, width)}{cell}".rstrip() for head, cell in zip(heads[1:], row[1:], strict=True)
        )
