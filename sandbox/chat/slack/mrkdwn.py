"""Slack's markup: whom a text would notify, and how it reads once shown."""

import re
from collections.abc import Iterator, Sequence

from sandbox.chat.slack.answers import Json

_PING = re.compile(r"<(@[UW][A-Z0-9]+|!channel|!here|!everyone|!subteam\^[A-Z0-9]+)(?:\|[^>]*)?>")
_NAMED = re.compile(r"(?<![\w<!])@(channel|here|everyone)\b")
_MENTIONED = re.compile(r"&lt;([@#!][A-Za-z0-9^]+)&gt;")
_LINK = re.compile(r"<([^<>|]+)(?:\|([^<>]*))?>")


def pings(texts: Sequence[str], linked: bool = False) -> tuple[str, ...]:
    """Whom they would notify, such as !channel or @U1. `linked`: names count too (link_names, parse=full).

    Stricter than Slack: what stands in code marks is counted as well.
    """
    found = [ping for text in texts for ping in _PING.findall(text)]
    if linked:
        found += [f"!{name}" for text in texts for name in _NAMED.findall(text)]
    return tuple(dict.fromkeys(found))


def shown(text: str) -> str:
    """The text as it is read: links by their label, entities as their characters."""
    plain = _LINK.sub(lambda link: link[2] or link[1], text)
    return plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def typed(text: str) -> str:
    """What a person typed as the app gets it: the three characters of markup as entities, mentions as they are."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MENTIONED.sub(r"<\1>", plain)


def marked_texts(blocks: Sequence[Json]) -> Iterator[str]:
    """The texts of blocks in which markup counts."""
    for kind, text in block_texts(blocks):
        if kind != "plain_text":
            yield text


def block_texts(blocks: Sequence[Json]) -> Iterator[tuple[str, str]]:
    """All texts of blocks but those on buttons and selects, in the order of reading, with their kinds."""
    for block in blocks:
        yield from _texts(block)


def _texts(block: Json) -> Iterator[tuple[str, str]]:
    if block["type"] == "markdown":
        yield "mrkdwn", str(block["text"])
    elif block["type"] == "table":
        for row in block["rows"]:
            yield "plain_text", " ".join(str(cell.get("text", "")) for cell in row)
    elif block["type"] == "rich_text":
        yield from _rich(block["elements"])
    else:
        parts = [block.get("text"), *(block.get("fields") or ()), block.get("label")]
        parts += block["elements"] if block["type"] == "context" else []
        yield from ((str(part["type"]), str(part["text"])) for part in parts if part and "text" in part)


def _rich(elements: Sequence[Json]) -> Iterator[tuple[str, str]]:
    for element in elements:
        if element.get("type") == "user":
            yield "mrkdwn", f"<@{element.get('user_id')}>"
        elif element.get("type") == "broadcast":
            yield "mrkdwn", f"<!{element.get('range')}>"
        elif "text" in element:
            yield "plain_text", str(element["text"])
        yield from _rich(element.get("elements") or ())
