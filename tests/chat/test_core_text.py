"""Foreign letters: what may be shown is one honest line, whatever it was made of."""

import re
from unicodedata import category

import pytest
from desk_core_kit import Crew
from hypothesis import given
from hypothesis import strategies as st

from bot.runtime.redaction import Redactor
from handlers.command import Command, Confirm, Risk, Role, command
from handlers.outgoing import redacted
from handlers.platforms.discord.render import messages, safe
from handlers.platforms.telegram.render import html_pages
from handlers.reply import Attachment, Button, Column, Reply, Table
from handlers.text import clean, defused, echo


@pytest.mark.parametrize(
    "text,shown",
    [
        ("\u202egnp.txt\u202c", "gnp.txt"),
        ("\u2066a\u2069\u200eb\u200f", "ab"),
        ("a\x00b\x1b[31mred", "ab[31mred"),
        ("zero\u200bwidth\u2060joined\ufeff\u00ad", "zerowidthjoined"),
        ("line\nFilled: 1\r\nx\u2028y\u2029z\x0bw", "line Filled: 1 x y z w"),
        ("\u3164\u115f\u2800\uffa0", ""),
        ("a\u3164\u3164b", "a b"),
        ("Z" + "\u0301" * 400 + "o", "Z" + "\u0301" * 4 + "o"),
        ("a\u034fb\ufe00c\U000e0101d", "abcd"),
        ("\ud800x\ue000\U000f0000", "x"),
        ("café ü 東京 ไทย नमस्ते עברית", "café ü 東京 ไทย नमस्ते עברית"),
        ("⚠️ PANIC 🔴", "⚠️ PANIC 🔴"),
    ],
)
def test_one_honest_line(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(st.text())
def test_nothing_invisible_is_left(text: str) -> None:
    shown = clean(text)
    assert clean(shown) == shown
    assert all(not category(letter).startswith(("C", "Zl", "Zp")) for letter in shown)
    assert "\n" not in echo(text)


@pytest.mark.parametrize("name", ["@everyone", "@here", "@user", "@\u200beveryone", "a@b"])
def test_names_mention_nobody(name: str) -> None:
    shown = defused(clean(name))
    assert "@\u2060" in shown
    assert clean(shown) == clean(name)


HOSTILE = "@everyone <!here> <@U1> <@123> [x](tg://user?id=1) `c` ```b``` *b* _i_ <b>h</b> &amp; || \u202e\nFilled: 9"


def test_faces_show_it_as_letters() -> None:
    """Neither markup nor mention nor a line of its own, wherever it stands."""
    reply = Reply(
        HOSTILE,
        ((HOSTILE, HOSTILE),),
        Table((Column("c"),), ((HOSTILE,),)),
        buttons=(Button(HOSTILE, "/x", id="i"),),
    )
    page = "\n".join(html_pages(reply))
    assert "<b>h</b>" not in page
    assert "@everyone" not in re.sub(
        "<pre>.*?</pre>", "", page, flags=re.DOTALL
    )  # nothing fires in fixed width
    assert not any(line.startswith("Filled") for line in page.splitlines())
    for message in messages(reply, None):
        fixed, *others = message.embed.description or "", message.embed.title or ""
        others += [part for field in message.embed.fields for part in (field.name or "", field.value or "")]
        assert fixed.count("```") in (0, 2)  # the table's own: nothing inside ends it
        assert not any(line.startswith("Filled") for line in fixed.splitlines())
        assert not any("@everyone" in part or "\n" in part for part in others)
    assert "<@" not in safe(HOSTILE).replace(r"\<", "")
    assert "[x](" not in safe(HOSTILE).replace(r"\[x](", "")


# --- the last step ---------------------------------------------------------------------------------------------------


def test_a_reply_without_secrets_is_left_as_it_is() -> None:
    reply = Reply("a", (("b", "c"),), file=Attachment("x.csv", b"a;b"))
    assert redacted(reply, Redactor(["planted-secret"])) is reply


@given(st.sampled_from(["title", "label", "value", "column", "cell", "text", "file", "button", "prompt"]))
def test_a_secret_in_any_one_place_goes(place: str) -> None:
    """The quick look misses none of them."""

    def word(name: str) -> str:
        return "planted-secret" if name == place else name

    reply = Reply(
        word("title"),
        ((word("label"), word("value")),),
        Table((Column(word("column")),), ((word("cell"),),)),
        word("text"),
        file=Attachment("f.csv", word("file").encode()),
        buttons=(Button(word("button"), "/status", prompt=word("prompt")),),
    )
    shown = redacted(reply, Redactor(["planted-secret"]))
    assert "planted-secret" not in repr(shown)
    assert "***" in repr(shown)


# --- the word that skips a question does not skip a code -------------------------------------------------------------


async def preview_sure(desk: object) -> Reply:
    return Reply("Sure?")


async def _sure(desk: object) -> Reply:
    """Costs money."""
    return Reply("Done")


_sure.__name__ = "sure"


def sure(risk: Risk) -> Command:
    define = command(
        area="x", role=Role.TRADER, confirm=Confirm.CODE, risk=risk, preview=preview_sure, unconfirmed="now"
    )
    return define(_sure)


async def test_now_skips_no_code() -> None:
    crew = Crew(more=(sure(Risk.RAISES),))
    crew.enrol("telegram:2")
    card = await crew.reply("/sure now")
    assert (card.title, card.buttons[0].prompt) == ("Sure?", "Code")
    lowers = Crew(more=(sure(Risk.LOWERS),))
    lowers.enrol("telegram:2")
    assert (await lowers.reply("/sure now")).title == "Done"
    asked = await lowers.reply("/sure")
    assert asked.buttons[0].prompt == ""
