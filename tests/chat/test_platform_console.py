"""The console spoken to as a person would: typed keys and piped lines in, a page of text out."""

import asyncio
import io
from collections.abc import Iterator
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import cast

import pytest
from chat_fakes import START_MS, Chat
from drawings import drawn_by
from face_kit import until
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.input.base import PipeInput
from prompt_toolkit.output import DummyOutput
from rich.console import Console

from bot.domain.notice import Notice, NoticeKind, Severity
from bot.runtime.desk import Desk
from handlers.command import Role
from handlers.completion import complete
from handlers.platforms.console import ConsoleChat, Lines, PipeLines, PromptLines, Screen, terminal
from handlers.platforms.console.inline import ImageProtocol, image_protocol, image_sequence
from handlers.render_text import notice_reply
from handlers.reply import Attachment, BarPlot, Button, ButtonStyle, Column, Plot, Reply, Table
from handlers.session import Session

PNG = b"\x89PNG\r\n\x1a\n" + bytes(5000)


def page(width: int, is_terminal: bool) -> Console:
    return Console(
        file=io.StringIO(),
        width=width,
        color_system=None,
        highlight=False,
        markup=False,
        force_terminal=is_terminal,
    )


def draw(plot: Plot, dark: bool) -> bytes:
    if plot.title == "breaks":
        raise ValueError("no data")
    return PNG


class Desk1:
    """A console at a desk."""

    def __init__(self, lines: Lines, folder: Path, width: int = 100, is_terminal: bool = False) -> None:
        self.chat = Chat()
        self.console = page(width, is_terminal)
        session = Session(self.chat.dispatcher.handle, self.chat.clock, "me")
        self.face = ConsoleChat(session, lines, Screen(self.console), drawn_by(draw), folder, self.chat.clock)

    @property
    def text(self) -> str:
        """What is on the page."""
        return cast(io.StringIO, self.console.file).getvalue()


def piped(text: str, folder: Path, width: int = 100, is_terminal: bool = False) -> Desk1:
    return Desk1(PipeLines(io.StringIO(text)), folder, width, is_terminal)


async def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    desk = piped("/status\n\nstatus xrp\n/nosuch\n", tmp_path)
    await desk.face.run("welcome aboard")
    assert desk.text.splitlines() == [
        "welcome aboard",
        "Status",
        "symbol  all",
        "mode    demo",
        "[1] Refresh   [2] Close",
        "Status",
        "symbol  XRPUSDT",
        "mode    demo",
        "[1] Refresh   [2] Close",
        "No command /nosuch",
        "/help lists what there is.",
    ]
    assert [draft.platform for draft in desk.chat.audit.drafts] == ["console"] * 3


async def test_buttons_by_number_and_label(tmp_path: Path) -> None:
    desk = piped("/close xrp\n1\n/close xrp\ncancel\n/close xrp\n2\n1\n", tmp_path)
    await desk.face.run()
    assert desk.chat.desk.done == [("close", "XRPUSDT", Decimal(100))]
    assert "Closed XRPUSDT" in desk.text
    assert desk.text.count("Cancelled: /close XRPUSDT") == 2
    assert desk.text.endswith("Not a command\nCommands begin with a slash. /help lists them.\n")


async def test_choices_for_a_missing_argument(tmp_path: Path) -> None:
    desk = piped("/stoploss\n1\nbe\n1\n", tmp_path)
    await desk.face.run()
    assert ("stoploss", "XRPUSDT", "be", None) in desk.chat.desk.done


@pytest.mark.parametrize("word", ["exit", "quit", "/quit", " EXIT "])
async def test_leaving_by_word(tmp_path: Path, word: str) -> None:
    desk = piped(f"{word}\n/status\n", tmp_path)
    await desk.face.run()
    assert desk.text == ""


async def test_hostile_lines(tmp_path: Path) -> None:
    lines = [
        "/" + "x" * 10_000,
        "/status [red]x[/red] [link=http://x]",
        "/note xrp \x1b[2J🚀",
        "[bold]",
        "'; DROP --",
    ]
    desk = piped("\n".join(lines), tmp_path)
    await desk.face.run()
    assert "\x1b" not in desk.text
    assert "[red]x[/red]" in desk.text
    assert "9,920 more characters" in desk.text.replace("\n", " ")


@pytest.fixture
def keyboard() -> Iterator[PipeInput]:
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        yield keys


def prompt(desk: Chat, keys: PipeInput, folder: Path) -> PromptLines:
    return PromptLines(
        lambda text: complete(text, desk.registry, Role.ADMIN, cast(Desk, desk.desk)),
        folder / "home" / "history",
        keyboard=keys,
        display=DummyOutput(),
    )


async def test_typing_at_a_prompt(tmp_path: Path, keyboard: PipeInput) -> None:
    helper = Chat()
    desk = Desk1(prompt(helper, keyboard, tmp_path), tmp_path)
    keyboard.send_text("/status xrp\r/clo\x7f\x7f\x7fclose xrp\r1\r\x04")
    await desk.face.run()
    assert desk.chat.desk.done == [("status", "XRPUSDT"), ("close", "XRPUSDT", Decimal(100))]
    assert "+/close xrp" in (tmp_path / "home" / "history").read_text()


async def test_control_c_leaves(tmp_path: Path, keyboard: PipeInput) -> None:
    desk = Desk1(prompt(Chat(), keyboard, tmp_path), tmp_path)
    keyboard.send_text("/sta\x03")
    await desk.face.run()
    assert desk.chat.desk.done == []


async def test_completion_at_the_prompt(tmp_path: Path, keyboard: PipeInput) -> None:
    lines = prompt(Chat(), keyboard, tmp_path)
    desk, typed = Desk1(lines, tmp_path), lines._session.default_buffer
    keyboard.send_text("/panic_c\t now\r/stat\t")
    task = asyncio.create_task(desk.face.run())
    await until(
        lambda: typed.text == "/stat" and typed.complete_state
    )  # /status or /state: the menu comes up
    keyboard.send_text("\t")
    await until(lambda: typed.text == "/status")
    keyboard.send_text("\r")
    await until(lambda: len(desk.chat.desk.done) == 2)
    keyboard.send_text("\x04")
    await task
    assert desk.chat.desk.done == [("panic_close", ""), ("status", "")]


async def test_a_slow_command_does_not_block_the_brake(tmp_path: Path, keyboard: PipeInput) -> None:
    desk = Desk1(prompt(Chat(), keyboard, tmp_path), tmp_path)
    desk.face.patience_s = 0.05
    desk.chat.desk.gate = asyncio.Event()
    task = asyncio.create_task(desk.face.run())
    keyboard.send_text("/close xrp\r1\r/panic_close now\r\x04")
    await until(lambda: "Flat" in desk.text)
    assert "Closed" not in desk.text
    desk.chat.desk.gate.set()
    await task
    assert "Closed XRPUSDT" in desk.text


async def test_notices_are_marked(tmp_path: Path) -> None:
    desk = piped("", tmp_path)
    entry = Notice(
        NoticeKind.ENTRY, Severity.TRADE, START_MS, "Long \x1bXRP", (("size", "[b]10[/b]"), ("stop", "0.5"))
    )
    kill = Notice(NoticeKind.KILL, Severity.CRITICAL, START_MS, "Kill XRPUSDT")
    await desk.face.say("console", notice_reply(entry), False)
    await desk.face.say("console", notice_reply(kill), True)
    assert desk.text.splitlines() == ["» Long XRP", "  size [b]10[/b]  stop 0.5", "!! Kill XRPUSDT"]


async def test_tables_in_columns_or_folded(tmp_path: Path) -> None:
    columns = (Column("symbol"), Column("size", "right"), Column("PnL", "right"))
    reply = Reply(
        "Positions", table=Table(columns, (("BTCUSDT", "0.5", "+12.3"), ("XRPUSDT", "1000", "-1.0")))
    )
    for is_terminal in (True, False):
        wide = piped("", tmp_path, 60, is_terminal)
        await wide.face.show(reply)
        rows = [line.split() for line in wide.text.splitlines() if "─" not in line]
        assert rows[1:] == [
            ["symbol", "size", "PnL"],
            ["BTCUSDT", "0.5", "+12.3"],
            ["XRPUSDT", "1000", "-1.0"],
        ]
        narrow = piped("", tmp_path, 18, is_terminal)
        await narrow.face.show(reply)
        assert narrow.text.splitlines()[1:4] == ["BTCUSDT", "  size  0.5", "  PnL   +12.3"]


async def test_no_cell_is_cut_on_any_width(tmp_path: Path) -> None:
    cell = "a-very-long-cell-" * 5
    reply = Reply("t", table=Table((Column("one"), Column("two")), ((cell, cell),)))
    for width, is_terminal in product(range(10, 180), (True, False)):
        desk = piped("", tmp_path, width, is_terminal)
        await desk.face.show(reply)
        assert "".join(desk.text.split()).count(cell) == 2


async def test_pictures_and_files_are_written_and_named(tmp_path: Path) -> None:
    desk = piped("", tmp_path / "out")
    plot = BarPlot(("a",), (Decimal(1),), "PnL")
    await desk.face.show(Reply("PnL", plot=plot, file=Attachment("../../trades.csv", b"a,b"), name="pnl"))
    files = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert files == {f"pnl-{START_MS}.png": PNG, "trades.csv": b"a,b"}
    assert all(name in desk.text.replace("\n", "") for name in files)


async def test_a_picture_that_cannot_be_drawn_keeps_the_figures(tmp_path: Path) -> None:
    desk = piped("", tmp_path)
    await desk.face.show(Reply("PnL", (("net", "+5"),), plot=BarPlot((), (), "breaks")))
    assert "+5" in desk.text
    assert "could not be drawn" in desk.text


async def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    desk = piped("", tmp_path / "file")
    await desk.face.show(Reply("Export", file=Attachment("a.csv", b"")))
    assert "could not be written" in desk.text


def test_colours_only_on_a_terminal() -> None:
    pipe = terminal({"COLUMNS": "90", "FORCE_COLOR": "1"}, is_tty=False)
    assert (pipe.width, pipe.is_terminal, pipe.color_system) == (90, False, None)
    assert terminal({}, is_tty=False).width == 120
    assert terminal({"NO_COLOR": "1"}, is_tty=True).no_color


def test_colours_and_danger() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system="standard")
    screen = Screen(console)
    fields = (("net", "+5.00"), ("fees", "-1.00"), ("risk", "+5 -> +7"))
    screen.show(
        Reply("T", fields, buttons=(Button("Go", "/x", ButtonStyle.DANGER),), severity=Severity.CRITICAL)
    )
    text = cast(io.StringIO, console.file).getvalue()
    assert "\x1b[32m+5.00" in text
    assert "\x1b[31m-1.00" in text
    assert "m+5 -> +7" not in text
    assert "\x1b[31m[1] Go" in text


@pytest.mark.parametrize(
    "environ,protocol",
    [
        ({"TERM": "xterm-256color"}, ImageProtocol.NONE),
        ({"TERM": "xterm-kitty"}, ImageProtocol.KITTY),
        ({"TERM_PROGRAM": "iTerm.app"}, ImageProtocol.ITERM),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/x"}, ImageProtocol.NONE),
    ],
)
def test_which_terminals_show_pictures(environ: dict[str, str], protocol: ImageProtocol) -> None:
    assert image_protocol(environ) is protocol


def test_picture_sequences() -> None:
    assert image_sequence(PNG, ImageProtocol.NONE) == ""
    assert image_sequence(PNG, ImageProtocol.ITERM).startswith("\x1b]1337;File=inline=1;size=5008;")
    kitty = image_sequence(PNG, ImageProtocol.KITTY)
    assert kitty.startswith("\x1b_Gf=100,a=T,m=1;")
    assert kitty.count("\x1b_G") == 2
    assert "\x1b_Gm=0;" in kitty
