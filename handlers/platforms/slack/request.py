"""Slack's events, slash commands, presses and dialog boxes as requests.

Only what is said to the bot is read: direct messages and mentions. Retried deliveries carry the same event or trigger
id.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from handlers.platforms.slack.dialog import Asked
from handlers.platforms.slack.place import Home, Place, place_of
from handlers.registry import Registry
from handlers.request import Request, RequestKind

PAGE_ROWS = 30
LINE_COMMANDS = frozenset({"quarterdeck", "qd"})
PREFIX = "qd-"
_MENTION = re.compile(r"^\s*<@([A-Z0-9]+)(\|[^>]*)?>\s*")
_LINK = re.compile(r"<(?:[^|>]*\|)?([^>]*)>")
_STAMP = re.compile(r"([0-9]{1,11})(?:\.([0-9]{1,9}))?")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_SPOKEN = frozenset({"", "file_share", "thread_broadcast", "bot_message", "message_changed"})

type Body = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads what Slack delivers."""

    home: Home
    registry: Registry

    def event(self, body: Body) -> Request | None:
        """A direct message or a mention; None for what is not said to the bot."""
        event = part(body, "event")
        spoken = part(event, "message") if event.get("subtype") == "message_changed" else event
        if not self._is_for_us(event):
            return None
        team = word(spoken, "user_team") or word(spoken, "source_team")
        user = self.home.user_id(word(spoken, "user"), team)
        sent = word(spoken, "ts")
        place = place_of(word(event, "channel"), user, word(spoken, "thread_ts"), sent)
        line = self._line(word(spoken, "text"), is_mention=event.get("type") == "app_mention")
        return Request(
            platform="slack",
            user_id=user,
            user_name=word(spoken, "user"),
            chat_id=place.chat_id,
            chat_kind=place.kind,
            kind=RequestKind.TEXT,
            sent_at_ms=_ms(sent),
            update_id=word(body, "event_id"),
            text=line,
            message_id=sent,
            within=place.within,
            page_rows=PAGE_ROWS,
            edited=event.get("subtype") == "message_changed" or "edited" in spoken,
            forwarded=_is_forwarded(spoken),
            from_bot="bot_id" in spoken or event.get("subtype") == "bot_message",
            anonymous=not word(spoken, "user"),
        )

    def slash(self, body: Body, now_ms: int) -> Request:
        """A slash command. Slack does not say when it was given, and delivers it at once or not at all."""
        user = self.home.user_id(word(body, "user_id"), word(body, "team_id"), word(body, "enterprise_id"))
        place = place_of(word(body, "channel_id"), user, "", "")
        name = word(body, "command").removeprefix("/").casefold()
        line = unescaped(word(body, "text")).strip()
        if name not in LINE_COMMANDS:
            line = f"/{name.removeprefix(PREFIX).replace('-', '_')} {line}".strip()
        elif not line.startswith("/"):
            line = f"/{line or 'help'}"
        made = self._base(user, word(body, "user_name"), place, RequestKind.TEXT, now_ms, body)
        return replace(made, text=line)

    def press(self, body: Body, action: Body, button: str) -> Request:
        """A pressed button, or a choice in a menu."""
        user, name = self._presser(body)
        message = part(body, "message")
        shown = word(part(body, "container"), "message_ts") or word(message, "ts")
        thread = word(message, "thread_ts") or word(part(body, "container"), "thread_ts")
        place = place_of(word(part(body, "channel"), "id"), user, thread, shown)
        made = self._base(user, name, place, RequestKind.BUTTON, _ms(word(action, "action_ts")), body)
        return replace(made, button=button, message_id=shown)

    def filled(self, body: Body, asked: Asked, text: str, now_ms: int) -> Request:
        """A submitted dialog box; submissions come at once or not at all."""
        user, name = self._presser(body)
        place = Place(asked.chat_id, asked.kind, asked.within)
        kind = RequestKind.MODAL if asked.button else RequestKind.TEXT
        made = self._base(user, name, place, kind, now_ms, body)
        return replace(made, text=text, button=asked.button, message_id=asked.message_id)

    def _presser(self, body: Body) -> tuple[str, str]:
        user = part(body, "user")
        enterprise = word(part(body, "enterprise"), "id")
        return self.home.user_id(word(user, "id"), word(user, "team_id"), enterprise), word(user, "username")

    def _base(
        self, user: str, name: str, place: Place, kind: RequestKind, sent_at_ms: int, body: Body
    ) -> Request:
        return Request(
            platform="slack",
            user_id=user,
            user_name=name,
            chat_id=place.chat_id,
            chat_kind=place.kind,
            kind=kind,
            sent_at_ms=sent_at_ms,
            update_id=_trigger(body),
            within=place.within,
            page_rows=PAGE_ROWS,
        )

    def _is_for_us(self, event: Body) -> bool:
        direct = word(event, "channel").startswith("D")
        if event.get("type") == "app_mention":
            return not direct  # a direct message comes as one already
        if event.get("type") != "message" or word(event, "subtype") not in _SPOKEN:
            return False
        return direct and event.get("channel_type", "im") == "im"

    def _line(self, text: str, is_mention: bool) -> str:
        """The line without the bot's name. Slack keeps lines that begin with a slash to itself, so it is not asked for:
        a mention is a command, a direct message is one when it begins with a command's name."""
        bare = unescaped(_MENTION.sub("", text, count=1) if is_mention else text).strip()
        found = _WORD.match(bare)
        head = bare.split(maxsplit=1)[0] if bare else ""
        if is_mention and (not bare or (found and found.group() == head)):
            return f"/{bare or 'help'}"
        return f"/{bare}" if self.registry.find(head.casefold()) else bare


def unescaped(text: str) -> str:
    """What was typed: Slack writes links in angle brackets and escapes three letters."""
    plain = _LINK.sub(lambda found: found.group(1), text)
    return plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def part(body: Body, name: str) -> Body:
    """A part of a payload, empty when it is missing or something else."""
    found = body.get(name)
    return found if isinstance(found, dict) else {}


def word(body: Body, name: str) -> str:
    """A text of a payload that can be stored, empty when it is missing or something else."""
    found = body.get(name)
    return found.encode("utf-8", "ignore").decode() if isinstance(found, str) else ""


def _trigger(body: Body) -> str:
    """The id of what a person did; retries repeat it."""
    trigger = word(body, "trigger_id")
    view = part(body, "view")
    return f"{trigger}/{word(view, 'id')}" if view else trigger


def _is_forwarded(event: Body) -> bool:
    attachments = event.get("attachments")
    shared = [one for one in attachments if isinstance(one, dict)] if isinstance(attachments, list) else []
    return any(one.get("is_share") or one.get("is_msg_unfurl") for one in shared)


def _ms(stamp: str) -> int:
    """Slack's time, seconds and a counter ("1700000000.000100"), in milliseconds; 0 when it is none."""
    found = _STAMP.fullmatch(stamp)
    return int(found[1]) * 1000 + int((found[2] or "")[:3].ljust(3, "0")) if found else 0
