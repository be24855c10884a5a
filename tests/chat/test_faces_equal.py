"""Every face shows the same facts: rendered messages are read back and compared with the reply they came from."""

import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from command_kit import Talk
from face_kit import ASKS, FILE, HOSTILE, hostile_reply, many_buttons
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from test_commands_all import DESKS, LINES, answers

from handlers.platforms.console import Screen
from handlers.platforms.discord import render as discord_render
from handlers.platforms.discord.components import MOST_ROWS
from handlers.platforms.slack import render as slack_render
from handlers.platforms.telegram.render import MESSAGE_LENGTH, html_pages, keyboard, plain_pages, utf16_length
from handlers.reply import Button, ButtonStyle, Column, Reply, Table
from handlers.text import clean

_MENTION = re.compile(r"@(?=\w)")


class Words(HTMLParser):
    """The text of Telegram's HTML; refuses tags that were not ours."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        assert tag in ("b", "pre"), tag

    def handle_data(self, data: str) -> None:
        self.text += data


def squeezed(text: str) -> str:
    """Only what is read: no spaces, word joiners or escapes, one kind of backtick."""
    return re.sub(r"[\s\u2060\\─━]", "", text.replace("`", "ˋ"))


def facts(reply: Reply) -> Iterator[str]:
    """Everything a reply says. The first column needs no name where each row is a block under its first cell."""
    yield reply.title
    for label, value in reply.fields:
        yield from (label, value)
    if reply.table is not None:
        yield from (column.name for column in reply.table.columns[1:] if reply.table.rows)
        for row in reply.table.rows:
            yield from row
    yield from reply.text.split("\n")


def telegram(reply: Reply) -> str:
    found = ""
    for page in html_pages(reply):
        assert utf16_length(page) <= MESSAGE_LENGTH
        words = Words()
        words.feed(page)
        words.close()
        assert not _MENTION.search(words.text)
        found += words.text
    return found


def telegram_plain(reply: Reply) -> str:
    pages = plain_pages(reply)
    assert all(utf16_length(page) <= MESSAGE_LENGTH for page in pages)
    return "".join(pages)


def discord(reply: Reply) -> str:
    found, last = "", ""
    for one in discord_render.messages(reply, None):
        assert len(one.embed) <= discord_render.EMBED_LENGTH
        assert len(one.rows) <= MOST_ROWS
        found += one.embed.title or ""
        for field in one.embed.fields:
            found += (field.value or "") if field.name == last else f"\n{field.name}\n{field.value}"
            last = field.name or ""
        found += "\n" + (one.embed.description or "").replace("```", "")
        assert one.arguments()["allowed_mentions"].to_dict() == {"parse": []}
    assert not _MENTION.search(found)
    return found


def slack(reply: Reply) -> str:
    found = ""
    for one in slack_render.messages(reply):
        assert len(one.blocks) <= slack_render.BLOCKS
        for text in slack_texts(one.blocks):
            assert not re.search(r"<[!@#]", text["text"]), "a mention"
            assert not _MENTION.search(text["text"])
            assert text["type"] == "plain_text" or text["verbatim"]
            found += unmarked(text)
    return found.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def unmarked(text: dict[str, Any]) -> str:
    """Without the marks around a table or a label: no other text is marked up."""
    if text["type"] == "plain_text":
        return str(text["text"])
    if text["text"].startswith("```"):
        return str(text["text"]).replace("```", "")
    return str(text["text"]).removeprefix("*").replace("*\n", "\n", 1)


def slack_texts(blocks: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for block in blocks:
        if block["type"] != "actions":
            yield from [block["text"]] if "text" in block else block["fields"]


def console(reply: Reply, is_terminal: bool = False) -> str:
    page = Console(
        file=io.StringIO(),
        width=100,
        color_system=None,
        highlight=False,
        markup=False,
        force_terminal=is_terminal,
    )
    Screen(page).show(reply)
    text = page.file.getvalue()  # type: ignore[attr-defined]
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


FACES: dict[str, Callable[[Reply], str]] = {
    "telegram": telegram,
    "telegram plain": telegram_plain,
    "discord": discord,
    "slack": slack,
    "console": console,
}


def assert_equal(reply: Reply) -> None:
    """Title, every label, value, cell and line on every face; nothing is lost, however long."""
    wanted = [squeezed(clean(fact)) for fact in facts(reply)]
    for name, render in FACES.items():
        shown = squeezed(render(reply))
        missing = [fact for fact in wanted if fact and fact not in shown]
        assert missing == [], name


def labels_of(reply: Reply) -> dict[str, list[str]]:
    """Ids of the buttons on every face, in order."""
    markup = keyboard(reply.buttons)
    rows = markup.inline_keyboard if markup else ()
    return {
        "telegram": [str(button.callback_data) for row in rows for button in row],
        "discord": [b.id for one in discord_render.messages(reply, None) for b in one.buttons],
        "slack": [b.id for one in slack_render.messages(reply) for b in one.buttons],
    }


@pytest.mark.parametrize("kind", DESKS)
async def test_what_commands_answer_reads_the_same_everywhere(kind: str) -> None:
    count = 0
    for line in LINES:
        for reply in await answers(Talk(DESKS[kind]()), line):
            assert_equal(reply)
            ids = [button.id for button in reply.buttons]
            assert all(found == ids for found in labels_of(reply).values()), line
            count += 1
    assert count > len(LINES) * 0.9


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_read_the_same_everywhere(text: str) -> None:
    assert_equal(hostile_reply(text))


WORDS = st.text(max_size=60)
LONG = st.text(max_size=3000)


@st.composite
def replies(draw: st.DrawFn) -> Reply:
    """Replies of any shape."""
    columns = draw(st.integers(1, 4))
    row = st.tuples(*[WORDS] * columns)
    heads = tuple(Column(name, draw(st.sampled_from(["left", "right"]))) for name in draw(row))
    table = Table(heads, tuple(draw(st.lists(row, max_size=8))))
    fields = tuple(draw(st.lists(st.tuples(WORDS, LONG), max_size=15)))
    return Reply(
        draw(WORDS), fields, draw(st.sampled_from([table, None])), draw(LONG), ok=draw(st.booleans())
    )


@settings(max_examples=60, deadline=None)
@given(replies())
def test_any_reply_reads_the_same_everywhere(reply: Reply) -> None:
    assert_equal(reply)


BUTTONS = (
    ASKS,
    *many_buttons(40),
    Button("25 %", "/close BTC 25", id="p1"),
    Button("50 %", "/close BTC 50", id="p2"),
    Button("Refresh", "/status", ButtonStyle.PRIMARY, "r"),
    *(replace(button, id=f"c{button.id}") for button in many_buttons(9, "/chart")),
)


def test_pickers_come_from_the_buttons_alone() -> None:
    reply = Reply("Which?", buttons=BUTTONS)
    drawn = [row for one in discord_render.messages(reply, None) for row in one.rows]
    assert [(len(row.buttons), row.is_menu) for row in drawn] == [
        (1, False), (25, True), (15, True), (3, False), (9, True),
    ]  # fmt: skip
    elements: list[Any] = [
        element
        for one in slack_render.messages(reply)
        for block in one.blocks
        for element in block.get("elements", ())  # type: ignore[attr-defined]
    ]
    assert [element["type"] for element in elements] == [
        "button", "static_select", "button", "button", "button", "static_select",
    ]  # fmt: skip
    markup = keyboard(BUTTONS)
    assert markup is not None
    assert sum(len(row) for row in markup.inline_keyboard) == len(BUTTONS)
    assert max(len(row) for row in markup.inline_keyboard) <= 8


def test_a_file_goes_along_everywhere() -> None:
    made = discord_render.messages(Reply("Trades", file=FILE), None)
    assert made[0].files == ((FILE.name, FILE.content),)
