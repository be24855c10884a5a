"""Replies as plain lines: aligned, folded, split, never cut."""

from hypothesis import given
from hypothesis import strategies as st

from handlers.render_text import (
    broken_lines,
    field_lines,
    padded,
    reply_lines,
    table_lines,
    text_width,
    wrapped,
)
from handlers.reply import Column, Reply, Table
from handlers.text import clean

TABLE = Table(
    (Column("symbol"), Column("size", "right"), Column("PnL", "right")),
    (("BTCUSDT", "0.5", "+12.30"), ("XRPUSDT", "1000", "-1.00")),
)


def test_a_table_in_columns() -> None:
    assert table_lines(TABLE, 40) == [
        "symbol   size     PnL",
        "BTCUSDT   0.5  +12.30",
        "XRPUSDT  1000   -1.00",
    ]


def test_a_table_folds_on_a_narrow_page() -> None:
    assert table_lines(TABLE, 20) == [
        "BTCUSDT",
        "  size  0.5",
        "  PnL   +12.30",
        "",
        "XRPUSDT",
        "  size  1000",
        "  PnL   -1.00",
    ]


def test_an_empty_table_still_has_its_heads() -> None:
    assert table_lines(Table(TABLE.columns, ()), 40) == ["symbol  size  PnL"]


def test_prose_in_the_last_column_is_wrapped_when_there_is_room_for_it() -> None:
    prose = "stops entries and flattens, verified with the venue until everything is flat"
    table = Table((Column("Command"), Column("What it does")), (("/panic_close", prose), ("/stop", "asks")))
    assert table_lines(table, 56) == [
        "Command       What it does",
        "/panic_close  stops entries and flattens, verified with",
        "              the venue until everything is flat",
        "/stop         asks",
    ]
    assert table_lines(table, 40)[:2] == ["/panic_close", f"  What it does  {prose}"]


def test_fields_and_text() -> None:
    reply = Reply("Status", (("mode", "demo"), ("equity", "10")), TABLE, "two\nlines")
    assert reply_lines(reply, 40)[:3] == ["Status", "mode    demo", "equity  10"]
    assert reply_lines(reply, 40)[-2:] == ["two", "lines"]
    assert field_lines(()) == []


def test_wide_letters_are_counted() -> None:
    assert text_width("日本") == 4
    assert padded("日", 4, "right") == "  日"


def test_control_characters_never_get_through() -> None:
    reply = Reply("a\x1b[31m", (("x\x07", "y\u202e"),), Table((Column("c\n"),), (("d\x00",),)), "t\x1b")
    assert reply_lines(reply, 40) == ["a[31m", "x  y", "c", "d", "t"]


cells = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12).filter(
    lambda text: clean(text) == text
)


@given(st.lists(st.tuples(cells, cells, cells), max_size=5), st.integers(10, 60))
def test_no_cell_is_lost(rows: list[tuple[str, str, str]], width: int) -> None:
    lines = table_lines(Table(TABLE.columns, tuple(rows)), width)
    text = "\n".join(lines)
    assert all(cell in text for row in rows for cell in row)


@given(st.text(st.characters(exclude_categories=("C", "Z")), max_size=200), st.integers(2, 60))
def test_wrapping_keeps_every_letter_within_the_width(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert "".join(lines) == text.replace(" ", "")
    assert all(text_width(line) <= width for line in lines)


@given(st.lists(st.text(max_size=50), max_size=5), st.integers(1, 20))
def test_breaking_lines_keeps_every_letter(lines: list[str], most: int) -> None:
    broken = list(broken_lines(lines, most))
    assert "".join(broken) == "".join(lines)
    assert all(len(line) <= most for line in broken)
