"""What is kept: CSV files, alerts, notes, settings with their way back, the weekly report."""

import csv
import re
from dataclasses import replace
from decimal import Decimal
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from command_kit import Talk, busy_desk, empty_desk, fields, page, rows, trade
from fakes_desk import NOW

from bot.domain.account import Book
from bot.domain.action import RecordNote
from bot.domain.command import DropAlert, NoteTrade, SetAlert, UndoSetting
from handlers.csv_text import cell, csv_file, moments
from handlers.reply import Attachment, EquityPlot, Reply


def table_of(reply: Reply) -> list[dict[str, str]]:
    """The attached CSV as a program reads it."""
    assert reply.file is not None
    assert reply.file.media_type == "text/csv"
    return list(csv.DictReader(StringIO(reply.file.content.decode())))


# --- CSV ------------------------------------------------------------------------------------------------------------


async def test_trades_are_exported_exactly() -> None:
    desk = busy_desk()
    reply = await Talk(desk, user="2").say("/export trades")
    found = table_of(reply)
    assert [row["id"] for row in found] == [one.id for one in desk.closed]
    assert [Decimal(row["net"]) for row in found] == [one.net for one in desk.closed]
    assert [Decimal(row["quantity"]) for row in found] == [one.quantity for one in desk.closed]
    assert found[0]["closed_utc"] == "2025-10-06T21:00:00.000+00:00"
    assert found[0]["closed_local"] == "2025-10-06T23:00:00.000+02:00"
    assert found[0]["target_price"] == ""
    assert fields(reply)["File"] == "quarterdeck-demo-trades-20251009.csv"


async def test_the_ledger_is_exported_with_a_column_per_book_and_sums_to_zero() -> None:
    desk = busy_desk()
    reply = await Talk(desk, user="2").say("/export ledger")
    found = table_of(reply)
    assert len(found) == len(desk.ledger)
    for row, entry in zip(found, desk.ledger, strict=True):
        assert [Decimal(row[book.value]) for book in Book] == [entry.amount(book) for book in Book]
        assert sum(Decimal(row[book.value]) for book in Book) == 0
    assert fields(reply)["Wallet"] == "+16.75 USDT"


async def test_an_export_reaches_as_far_back_as_asked() -> None:
    reply = await Talk(busy_desk()).say("/export trades 1")
    assert [row["id"] for row in table_of(reply)] == ["t3", "t4"]


async def test_an_export_of_nothing_is_a_file_with_its_head() -> None:
    reply = await Talk(empty_desk()).say("/export ledger 1")
    assert reply.file is not None
    assert reply.file.content.startswith(b"at_utc,at_local,kind,symbol,reference,wallet,")


async def test_viewers_take_no_files_away() -> None:
    assert not (await Talk(busy_desk(), user="3").say("/export trades")).ok


@pytest.mark.parametrize("evil", ["=1+2", "+1", "-1", "@SUM(A1)", "|calc", "%x", "\t=1", "\r=1", " =1"])
async def test_no_spreadsheet_runs_what_a_person_or_a_venue_wrote(evil: str) -> None:
    desk = busy_desk()
    one = desk.closed[0]
    desk.written = (RecordNote(NOW, one.symbol, one.opened_at_ms, evil, "test:1"),)
    found = table_of(await Talk(desk).say("/export trades"))
    assert found[0]["notes"].startswith("'")


def test_numbers_stay_numbers_with_all_their_digits() -> None:
    assert cell(Decimal("-0.00000001")) == "-0.00000001"
    assert cell(Decimal("1E+3")) == "1000"
    assert cell(1e-7) == "0.0000001"
    assert cell(None) == ""
    assert cell(-5) == "-5"
    made: Attachment = csv_file("a.csv", ("a", "b"), [('say "hi", twice', Decimal("0.10"))])
    assert made.content == b'a,b\r\n"say ""hi"", twice",0.10\r\n'


def test_a_moment_that_never_was_is_empty() -> None:
    assert moments(0, ZoneInfo("Europe/Berlin")) == ("", "")


# --- alerts ---------------------------------------------------------------------------------------------------------


async def test_an_alert_is_set_listed_and_deleted_by_its_owner() -> None:
    talk = Talk(busy_desk(), user="3")
    done = await talk.say("/alert xrp > 0.6")
    assert talk.desk.asked == [(SetAlert("XRPUSDT", True, Decimal("0.6"), "test:3"), "test:3")]
    assert done.text == "You are told once when XRPUSDT is above 0.6000, 12.95% from the mark price 0.5312."
    shown = await talk.press(done, "Alerts")
    assert [(row["Symbol"], row["When"], row["Price"]) for row in rows(shown)] == [
        ("XRPUSDT", "above", "0.6000")
    ]
    gone = await talk.press(shown, "Delete XRPUSDT above 0.6000")
    assert talk.desk.asked[-1] == (DropAlert(2, "test:3"), "test:3")
    assert gone.table is None
    assert [one.owner for one in talk.desk.waiting] == ["test:1"]


async def test_nobody_deletes_the_alert_of_another() -> None:
    talk = Talk(busy_desk(), user="3")
    reply = await talk.say("/alerts delete 1")
    assert (reply.ok, reply.text) == (False, "You have no alert 1.")
    assert not talk.desk.asked


@pytest.mark.parametrize(
    "line,words", [("/alert btc > 60000", "above 60000.0 already"), ("/alert btc < 70000", "below")]
)
async def test_an_alert_that_holds_already_is_told_at_once(line: str, words: str) -> None:
    talk = Talk(busy_desk())
    reply = await talk.say(line)
    assert not reply.ok
    assert words in reply.text
    assert not talk.desk.asked


# --- notes ----------------------------------------------------------------------------------------------------------


async def test_a_note_stands_with_its_trade() -> None:
    desk = busy_desk()
    last = desk.closed[-1]
    desk.written = (
        RecordNote(NOW, last.symbol, last.opened_at_ms, "second thought", "test:1"),
        RecordNote(NOW - 1, last.symbol, last.opened_at_ms, "news at noon", "test:3"),
    )
    reply = await Talk(desk).say("/trades")
    assert rows(reply)[0]["Notes"] == "news at noon; second thought"
    assert rows(reply)[1]["Notes"] == "–"
    assert "Notes" not in rows(await Talk(busy_desk()).say("/trades"))[0]


async def test_anybody_of_the_crew_may_note_something() -> None:
    talk = Talk(busy_desk(), user="3")
    reply = await talk.say("/note btc late entry, news at noon")
    assert talk.desk.asked == [(NoteTrade("BTCUSDT", "late entry, news at noon", "test:3"), "test:3")]
    assert reply.text == "It stands on the open trade, LONG 0.250 BTC."
    assert rows(reply)[0]["Note"] == "late entry, news at noon"


# --- settings -------------------------------------------------------------------------------------------------------


async def test_settings_are_listed_with_the_way_back() -> None:
    talk = Talk(busy_desk())
    shown = await talk.say("/settings")
    assert rows(shown)[0]["Id"] == "42"
    card = await talk.press(shown, "Undo 42")
    assert fields(card) == {"limits": "max_positions 4 → max_positions 3"}
    await talk.press(card, "Confirm")
    assert talk.desk.asked == [(UndoSetting(42), "test:1")]


async def test_a_change_that_is_not_there_cannot_be_taken_back() -> None:
    reply = await Talk(busy_desk()).say("/undo 7")
    assert (reply.ok, reply.text) == (False, "undo: there is no change 7.")


async def test_viewers_see_settings_and_cannot_take_them_back() -> None:
    shown = await Talk(busy_desk(), user="3").say("/settings")
    assert [button.label for button in shown.buttons] == ["Refresh"]


# --- the report -----------------------------------------------------------------------------------------------------


async def test_the_report_is_of_a_calendar_week_and_its_figures_are_the_trades() -> None:
    reply = await Talk(busy_desk()).say("/report")
    assert reply.title == "Weekly report 2025-W41 · demo"
    assert fields(reply)["Net"] == "+35.50 USDT in 4 trades, 50.0% won"
    assert [row["Week"] for row in rows(reply)][:2] == ["2025-W41", "2025-W40"]
    assert len(rows(reply)) == 8
    assert isinstance(reply.plot, EquityPlot)
    earlier = await Talk(busy_desk()).say("/report 1")
    assert earlier.title == "Weekly report 2025-W40 · demo"
    assert fields(earlier)["Net"].startswith("0.00 USDT in 0 trades")
    assert [button.label for button in earlier.buttons][1:3] == ["A week earlier", "A week later"]


async def test_trades_of_the_week_before_are_not_counted() -> None:
    desk = busy_desk()
    desk.closed = (replace(trade(9, "-70"), closed_at_ms=NOW - 5 * 86_400_000), *desk.closed)
    assert fields(await Talk(desk).say("/report"))["Net"].startswith("+35.50 USDT in 4 trades")
    assert fields(await Talk(desk).say("/report 1"))["Net"].startswith("-70.00 USDT in 1 trade,")


async def test_the_page_is_one_file_without_an_outside_address_and_escaped() -> None:
    desk = busy_desk()
    last = desk.closed[-1]
    evil = "<script>alert(1)</script> & <img src=//x.example/y>"
    desk.written = (RecordNote(NOW, last.symbol, last.opened_at_ms, evil, "test:1"),)
    reply = await Talk(desk).say("/report")
    assert reply.file is not None
    assert reply.file.name == "quarterdeck-demo-2025-W41.html"
    html = reply.file.content.decode()
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp;" in html
    assert not re.search(r"https?://|<(?!meta)[^>]*\b(src|href|url)\b", html)
    assert "<polyline" in html
    assert html.count("<table>") == html.count("</table>") >= 5


async def test_models_and_training_are_told_honestly() -> None:
    assert fields(await Talk(busy_desk()).say("/report"))["Models"].startswith(
        "no model is installed; no training"
    )


async def test_a_report_of_nothing_is_a_report() -> None:
    reply = await Talk(empty_desk()).say("/report")
    assert reply.plot is None
    assert reply.file is not None
    assert b"No trade was closed in this week." in reply.file.content
    assert "NaN" not in page(reply)
