"""Any text and any parameters: the sandbox answers as the Bot API would, it never breaks."""

import html
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from telegram.helpers import escape_markdown
from telegram_raw import Raw, in_virtual_time, png

from sandbox.chat.telegram.html_markup import parse_html
from sandbox.chat.telegram.markdown_markup import parse_markdown
from sandbox.chat.telegram.refusal import Refused
from sandbox.chat.telegram.server import METHODS
from sandbox.chat.telegram.styled import Styled, utf16

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
HTML = st.lists(
    st.sampled_from(
        [
            "<b>",
            "</b>",
            "<i>",
            "</i>",
            "<pre>",
            "</pre>",
            "<a href='x'>",
            "</a>",
            "&lt;",
            "&",
            "<",
            " é",
            "😀",
        ]
    )
).map("".join)
MARKDOWN = st.lists(st.sampled_from([*"_*[]()~`>#|!\\\n a", "__", "||", "```", "](x)"])).map("".join)
JSONS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 200)
    | st.sampled_from(["", "x", "photo", "chat", "attach://p", "2", "go"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["text", "callback_data", "inline_keyboard", "type", "media", "chat_id", "command", "url"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["chat_id", "text", "message_id", "reply_markup", "entities", "caption_entities", "media", "scope", "commands",
     "parse_mode", "offset", "limit", "allowed_updates", "reply_parameters", "message_thread_id", "photo", "file_id",
     "callback_query_id", "action", "document"]
)  # fmt: skip


def read(source: str, parse: Callable[[str], Styled]) -> Styled | None:
    try:
        return parse(source)
    except Refused as refused:
        if not refused.description.startswith("Bad Request: can't parse entities: "):
            raise
        return None


def whole(made: Styled) -> None:
    """Entities lie within the text, are in order and cross nowhere."""
    length = utf16(made.text)
    open_ends: list[int] = []
    for entity in made.entities:
        assert 0 <= entity.offset < entity.end <= length
        open_ends = [end for end in open_ends if end > entity.offset]
        assert all(entity.end <= end for end in open_ends)
        open_ends.append(entity.end)


@given(HTML)
def test_html_is_read_whole_or_refused(source: str) -> None:
    made = read(source, parse_html)
    if made is not None:
        whole(made)
        whole(made.trimmed())


@given(MARKDOWN)
def test_markdown_is_read_whole_or_refused(source: str) -> None:
    made = read(source, parse_markdown)
    if made is not None:
        assert all(0 <= one.offset < one.end <= utf16(made.text) for one in made.entities)


@given(TEXTS)
def test_what_is_escaped_arrives_as_it_was(text: str) -> None:
    assert parse_html(html.escape(text)) == Styled(text)
    assert parse_markdown(escape_markdown(text, version=2)) == Styled(text)


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(METHODS)), st.dictionaries(NAMES, JSONS, max_size=5)), max_size=30
    )
)
def test_no_call_breaks_the_server(calls: list[tuple[str, dict[str, Any]]]) -> None:
    async def play(raw: Raw) -> None:
        raw.telegram.people.supergroup(-100, "Desk", {7: "A"})
        card = {"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}
        await raw.say("card", reply_markup=card)
        await raw.call("sendPhoto", chat_id=2, photo=png())
        for method, given_ in calls:
            answer = await raw.call(method, **{"chat_id": 2, "message_id": 1, **given_})
            assert answer.status in {200, 400, 403, 404, 413, 429}, (method, given_)
            assert answer.body["ok"] is (answer.status == 200)
            raw.telegram.people.persons[2].sees()

    in_virtual_time(play, enforced=False)
