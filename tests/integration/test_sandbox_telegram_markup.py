"""Markup as the Bot API reads it: what passes, what it becomes, and what is refused with which words."""

import pytest
from telegram_raw import Raw, in_virtual_time

from sandbox.chat.telegram.html_markup import parse_html
from sandbox.chat.telegram.markdown_markup import RESERVED, parse_markdown
from sandbox.chat.telegram.refusal import Refused
from sandbox.chat.telegram.styled import Entity, Styled

HTML = [
    ("plain", "plain", ()),
    ("<b>1</b> <STRONG>2</STRONG>", "1 2", (("bold", 0, 1), ("bold", 2, 1))),
    ("<i>a<b>b</b></i>", "ab", (("italic", 0, 2), ("bold", 1, 1))),
    ("<u>u</u><ins>i</ins><s>s</s><del>d</del>", "uisd", (
        ("underline", 0, 1), ("underline", 1, 1), ("strikethrough", 2, 1), ("strikethrough", 3, 1))),
    ("&lt;&gt;&amp;&quot;&#39;&#x27;", "<>&\"''", ()),
    ("a > b", "a > b", ()),
    ("😀<b>x</b>", "😀x", (("bold", 2, 1),)),
    ('<a href="https://x.example/?a=1&amp;b">l</a>', "l", (("text_link", 0, 1, "https://x.example/?a=1&b"),)),
    ("<a>l</a>", "l", ()),
    ('<a href="tg://user?id=42">Bob</a>', "Bob", (("text_mention", 0, 3, "42"),)),
    ('<span class="tg-spoiler">s</span>', "s", (("spoiler", 0, 1),)),
    ("<tg-spoiler>s</tg-spoiler>", "s", (("spoiler", 0, 1),)),
    ("<pre>a\n b</pre>", "a\n b", (("pre", 0, 4),)),
    ('<pre><code class="language-py">x</code></pre>', "x", (("pre", 0, 1),)),
    ("<code>@name</code>", "@name", (("code", 0, 5),)),
    ("<pre><b>x</b></pre>", "x", (("pre", 0, 1),)),
    ("<blockquote expandable>q</blockquote>", "q", (("expandable_blockquote", 0, 1),)),
    ("<b></b>x", "x", ()),
]  # fmt: skip
BAD_HTML = [
    ("<b>1", 'Can\'t find end tag corresponding to start tag "b"'),
    ("1</b>", "Unexpected end tag at byte offset 1"),
    ("<b><i>1</b></i>", 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'),
    ("<h1>x</h1>", 'Unsupported start tag "h1" at byte offset 0'),
    ("a <br> b", 'Unsupported start tag "br" at byte offset 2'),
    ("1 < 2 and 3 > 2", 'Unsupported start tag "" at byte offset 2'),
    ("1 < 2", "Unclosed start tag at byte offset 2"),
    ("é<b", "Unclosed start tag at byte offset 2"),
    ("a & b", "Unescaped '&' at byte offset 2"),
    ("&nbsp;", "Unescaped '&' at byte offset 0"),
    ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ("<script>x</script>", 'Unsupported start tag "script" at byte offset 0'),
]
MARKDOWN = [
    ("plain", "plain", ()),
    ("*b* _i_ __u__ ~s~ ||p||", "b i u s p", (
        ("bold", 0, 1), ("italic", 2, 1), ("underline", 4, 1), ("strikethrough", 6, 1), ("spoiler", 8, 1))),
    ("*b _i_*", "b i", (("bold", 0, 3), ("italic", 2, 1))),
    (r"1\.5 \- \(x\)\!", "1.5 - (x)!", ()),
    ("`a.b-c`", "a.b-c", (("code", 0, 5),)),
    (r"`a\`b\\`", "a`b\\", (("code", 0, 4),)),
    ("```py\nx = 1.0\n```", "x = 1.0\n", (("pre", 0, 8, "py"),)),
    ("```\nx\n```", "x\n", (("pre", 0, 2),)),
    ("[l](https://x.example/a.b)", "l", (("text_link", 0, 1, "https://x.example/a.b"),)),
    (r"[l](https://x.example/\)b)", "l", (("text_link", 0, 1, "https://x.example/)b"),)),
    ("[Bob](tg://user?id=42)", "Bob", (("text_mention", 0, 3, "42"),)),
    (">q1\n>q2\nrest", "q1\nq2\nrest", (("blockquote", 0, 6),)),
    ("___iu_ u__", "iu u", (("underline", 0, 4), ("italic", 0, 2))),
]  # fmt: skip
BAD_MARKDOWN = [
    ("1.5", "Character '.' is reserved and must be escaped with the preceding '\\'"),
    ("a - b", "Character '-' is reserved and must be escaped with the preceding '\\'"),
    ("a > b", "Character '>' is reserved and must be escaped with the preceding '\\'"),
    ("a | b", "Character '|' is reserved and must be escaped with the preceding '\\'"),
    ("hi!", "Character '!' is reserved and must be escaped with the preceding '\\'"),
    ("x *b", "Can't find end of Bold entity at byte offset 2"),
    ("é _i", "Can't find end of Italic entity at byte offset 3"),
    ("`c", "Can't find end of Code entity at byte offset 0"),
    ("```c", "Can't find end of Pre entity at byte offset 0"),
    ("[l", "Can't find end of TextUrl entity at byte offset 0"),
    ("[l](https", "Can't find end of a URL at byte offset 3"),
    ("*a _b* c_", "Can't find end of Italic entity at byte offset 8"),
]


def flat(entities: tuple[Entity, ...]) -> tuple[tuple[object, ...], ...]:
    return tuple(
        (e.kind, e.offset, e.length, e.detail) if e.detail else (e.kind, e.offset, e.length) for e in entities
    )


@pytest.mark.parametrize("source, text, entities", HTML)
def test_html_that_can_be_read(source: str, text: str, entities: tuple[object, ...]) -> None:
    made = parse_html(source)
    assert (made.text, flat(made.entities)) == (text, entities)


@pytest.mark.parametrize("source, words", BAD_HTML)
def test_html_that_cannot(source: str, words: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_html(source)
    assert caught.value.description == f"Bad Request: can't parse entities: {words}"


@pytest.mark.parametrize("source, text, entities", MARKDOWN)
def test_markdown_that_can_be_read(source: str, text: str, entities: tuple[object, ...]) -> None:
    made = parse_markdown(source)
    assert (made.text, flat(made.entities)) == (text, entities)


@pytest.mark.parametrize("source, words", BAD_MARKDOWN)
def test_markdown_that_cannot(source: str, words: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_markdown(source)
    assert caught.value.description == f"Bad Request: can't parse entities: {words}"


@pytest.mark.parametrize("letter", sorted(RESERVED))
def test_a_reserved_letter_passes_only_escaped(letter: str) -> None:
    assert parse_markdown(f"a\\{letter}b").text == f"a{letter}b"
    with pytest.raises(Refused):
        parse_markdown(f"a {letter} b")


@pytest.mark.parametrize(
    "source, pinged",
    [
        ("hi @bobby and @al", ("@bobby",)),
        ("<code>@bobby</code> <pre>@carol</pre>", ()),
        ('<a href="tg://user?id=42">Bob</a>', ("42",)),
        ("mail bob@example.com", ()),
        ("@\u200bbobby", ()),
        ("<b>@bobby</b>", ("@bobby",)),
        ("&#64;bobby", ("@bobby",)),
    ],
)
def test_whom_a_text_would_ping(source: str, pinged: tuple[str, ...]) -> None:
    assert parse_html(source).trimmed().found().pings() == pinged


def test_blanks_around_a_text_go_but_not_out_of_fixed_width() -> None:
    assert parse_html("  <b>x</b>  ").trimmed() == Styled("x", (Entity("bold", 0, 1),))
    assert parse_html("<pre>  x  </pre>\n").trimmed() == Styled("  x", (Entity("pre", 0, 3),))


def test_the_same_over_the_wire() -> None:
    async def play(raw: Raw) -> None:
        refused = await raw.say("a < b", parse_mode="HTML")
        assert (refused.status, refused.text) == (
            400,
            "Bad Request: can't parse entities: Unclosed start tag at byte offset 2",
        )
        refused = await raw.say("1.5", parse_mode="MarkdownV2")
        assert refused.text.endswith("must be escaped with the preceding '\\'")
        assert (await raw.say("x", parse_mode="Wiki")).text == "Bad Request: unsupported parse_mode"
        sent = (await raw.say("<b>@bobby</b> /status", parse_mode="HTML")).result
        assert sent["text"] == "@bobby /status"
        assert [entity["type"] for entity in sent["entities"]] == ["bold", "mention", "bot_command"]
        assert [ping.who for ping in raw.telegram.world.pings] == ["@bobby"]
        given: list[dict[str, object]] = [
            {"type": "text_mention", "offset": 0, "length": 2, "user": {"id": 9}}
        ]
        await raw.say("hi", entities=given)
        assert raw.telegram.world.pings[-1].who == "9"
        given[0]["length"] = 3
        assert (await raw.say("hi", entities=given)).text == "Bad Request: ENTITY_BOUNDS_INVALID"

    in_virtual_time(play)
