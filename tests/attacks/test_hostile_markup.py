"""Foreign words on Discord: no link, no bold, no hidden text, however many brackets lead the escaping astray."""

import re

import pytest
from discord.utils import escape_markdown

from handlers.platforms.discord.render import safe
from handlers.platforms.webhooks import discord_texts
from handlers.reply import Reply

WORDS = (
    "[a](b) [click here](http://evil.example) **bold** ||hidden|| (z)",
    "[a](b)[c](http://evil.example)",
    "]([x](http://evil.example) *x*)",
    "[ok] (fine) [x](<http://evil.example>) `code` _x_ )",
)
LINK = re.compile(r"(?<!\\)\[[^\]]*\]\(")
MARK = re.compile(r"(?<!\\)(?:\*\*?|\|\||`|_)(?=\w)")


@pytest.mark.parametrize("words", WORDS)
def test_nothing_in_foreign_words_is_markup(words: str) -> None:
    for shown in (safe(words), next(discord_texts(Reply(words)))[2:-2]):
        assert not LINK.search(shown), shown
        assert not MARK.search(shown), shown
        assert "evil.example" not in words or "evil.example" in shown, "the words themselves stay"


def test_the_library_alone_would_let_it_pass() -> None:
    assert LINK.search(escape_markdown(WORDS[0]))
