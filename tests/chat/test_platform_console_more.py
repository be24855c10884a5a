"""The console spoken to without being asked: marked, with buttons that a number presses, pictures written."""

import io
from pathlib import Path

import pytest
from chat_fakes import Chat
from drawings import drawn_by
from rich.console import Console

from bot.domain.notice import Notice, NoticeKind, Severity
from handlers.buttons import chosen_button
from handlers.platforms.console import ConsoleChat, PipeLines, Screen
from handlers.render_text import notice_reply
from handlers.reply import BarPlot, Button, Column, Reply, Table
from handlers.session import KEPT, Session

PNG = b"\x89PNG\r\n\x1a\n"


class Terminal:
    """A console and its page."""

    def __init__(self, folder: Path) -> None:
        self.chat = Chat()
        self.page = io.StringIO()
        console = Console(file=self.page, width=100, highlight=False, markup=False, force_terminal=False)
        self.session = Session(self.chat.dispatcher.handle, self.chat.clock, "me")
        lines = PipeLines(io.StringIO(""))
        drawing = drawn_by(lambda plot, dark: PNG)
        self.face = ConsoleChat(self.session, lines, Screen(console), drawing, folder, self.chat.clock)


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


async def test_what_is_said_unasked_has_buttons_that_a_number_presses(terminal: Terminal) -> None:
    card = await terminal.chat.reply("/status", "me", platform="console", chat_id="console")
    message = await terminal.face.say("console", Reply("Stop missing", buttons=card.buttons))
    assert message == "1"
    assert terminal.page.getvalue() == "· Stop missing\n[1] Refresh   [2] Close\n"
    terminal.chat.desk.done.clear()
    await terminal.session.enter("1")
    assert terminal.chat.desk.done == [("status", "")]


async def test_a_notice_without_buttons_takes_none_away(terminal: Terminal) -> None:
    await terminal.session.enter("/status")
    terminal.chat.desk.done.clear()
    notice = Notice(NoticeKind.ENTRY, Severity.TRADE, 0, "Long", (("size", "10"),))
    await terminal.face.say("console", notice_reply(notice), False)
    await terminal.session.enter("1")
    assert terminal.chat.desk.done == [("status", "")]
    assert terminal.page.getvalue() == "» Long\n  size 10\n"


async def test_a_notice_between_reading_and_typing_changes_no_number(terminal: Terminal) -> None:
    await terminal.session.enter("/status")
    await terminal.face.say("console", Reply("Stop missing", buttons=(Button("Seen", "x"),)))
    assert terminal.page.getvalue() == "· Stop missing\n[3] Seen\n"
    terminal.chat.desk.done.clear()
    await terminal.session.enter("1")
    assert terminal.chat.desk.done == [("status", "")]


async def test_a_label_is_pressed_after_notices_and_as_many_as_can_be_remembered(terminal: Terminal) -> None:
    await terminal.session.enter("/status")
    for _ in range(60):
        await terminal.face.say("console", Reply("Told", buttons=(Button("Seen", "x"), Button("Later", "y"))))
    assert terminal.page.getvalue().endswith("[121] Seen   [122] Later\n")
    assert len(terminal.session._numbered) == KEPT
    await terminal.face.say("console", Reply("Told", buttons=(Button("Seen", "newest"),)))
    assert chosen_button("seen", terminal.session._numbered) == Button("Seen", "newest")


async def test_tables_pictures_and_changes(terminal: Terminal, tmp_path: Path) -> None:
    table = Table((Column("symbol"), Column("PnL", "right")), (("XRPUSDT", "+1"),))
    reply = Reply(
        "Report", table=table, text="a good day", plot=BarPlot((), (), "PnL"), image=PNG, name="report"
    )
    await terminal.face.amend("console", "1", reply)
    text = terminal.page.getvalue()
    assert text.startswith("· Report\nsymbol   PnL\nXRPUSDT   +1\na good day\n")
    assert text.count("picture: ") == 2
    written = [path.read_bytes() for path in tmp_path.glob("report-*.png")]  # noqa: ASYNC240 (a test may wait)
    assert written == [PNG]
