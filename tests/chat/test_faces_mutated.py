"""Deliveries that no platform would send: taken apart without a crash, and nobody without a name does anything."""

import copy
from typing import Any

from chat_fakes import START_MS, Chat
from hypothesis import given, settings
from hypothesis import strategies as st
from telegram import Update

from handlers.platforms.slack.dialog import pressed
from handlers.platforms.slack.place import Home
from handlers.platforms.slack.request import Reader
from handlers.platforms.telegram.request import message_request, press_request

NOW_S = START_MS // 1000
STAMP = f"{NOW_S}.000100"
EVENT = {
    "event_id": "Ev1",
    "event": {
        "type": "app_mention",
        "channel": "C1",
        "channel_type": "im",
        "user": "U2",
        "text": "<@UBOT> pause",
        "ts": STAMP,
        "thread_ts": STAMP,
        "attachments": [{"is_share": False}],
        "message": {"user": "U2", "text": "pause", "ts": STAMP},
    },
}
PRESS = {
    "user": {"id": "U2", "username": "ann", "team_id": "T1"},
    "enterprise": {"id": "E1"},
    "channel": {"id": "C1"},
    "message": {"ts": STAMP, "thread_ts": STAMP},
    "container": {"message_ts": STAMP, "is_ephemeral": True},
    "trigger_id": "t1",
    "response_url": "",
    "view": {
        "id": "V1",
        "private_metadata": '{"button":"1","chat":"C1","kind":"group","within":[],"message":"1"}',
        "state": {"values": {"line": {"text": {"value": "x"}}}},
    },
}
ACTION = {
    "action_id": "run|0-0",
    "value": "1" * 32,
    "action_ts": STAMP,
    "selected_option": {"value": "2" * 32},
}
SLASH = {
    "command": "/qd-pause",
    "text": "now",
    "user_id": "U2",
    "team_id": "T1",
    "channel_id": "C1",
    "trigger_id": "t1",
    "response_url": "",
}
PERSON = {"id": 2, "is_bot": False, "first_name": "Ann"}
MESSAGE = {
    "message_id": 5,
    "from": PERSON,
    "chat": {"id": -100, "type": "supergroup", "title": "crew"},
    "date": NOW_S,
    "text": "/pause@deck_bot",
    "is_topic_message": True,
    "message_thread_id": 7,
}
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.text(max_size=30),
    st.sampled_from(
        ["9" * 6000, "\ud800", "", "private", "D1", "U666", "ask||", "pick|0", [], {}, [None], [{}]]
    ),
)


def leaves(body: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a payload."""
    found = [path] if path else []
    inner = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    return found + [deep for key, value in inner for deep in leaves(value, (*path, key))]


@st.composite
def mutated(draw_: st.DrawFn, body: dict[str, Any]) -> dict[str, Any]:
    """The payload with some places changed or missing."""
    made: dict[str, Any] = copy.deepcopy(body)
    for path in draw_(st.lists(st.sampled_from(leaves(body)), min_size=1, max_size=4)):
        place: Any = made
        for key in path[:-1]:
            place = place[key] if _has(place, key) else {}
        if isinstance(place, dict) and draw_(st.booleans()):
            place.pop(path[-1], None)
        elif _has(place, path[-1]):
            place[path[-1]] = draw_(ODD)
    return made


def _has(place: Any, key: Any) -> bool:
    if isinstance(place, dict):
        return key in place
    return isinstance(place, list) and isinstance(key, int) and key < len(place)


@settings(max_examples=300, deadline=None)
@given(mutated(EVENT), mutated(SLASH), mutated(PRESS), mutated(ACTION))
def test_slack_reads_anything(event: Any, slash: Any, press: Any, action: Any) -> None:
    reader = Reader(Home("T1", "", "UBOT"), Chat().registry)
    requests = [reader.event(event), reader.slash(slash, START_MS), reader.press(press, action, "x")]
    found = pressed(action)
    assert found is None or isinstance(found.button, str)
    for request in requests:
        if request is not None:
            assert f"{request.user_id}{request.chat_id}{request.text}{request.update_id}".encode() is not None
            assert 0 <= request.sent_at_ms < 10**15


@settings(max_examples=300, deadline=None)
@given(mutated(MESSAGE))
def test_telegram_reads_whatever_its_library_lets_through(message: Any) -> None:
    card = {**MESSAGE, "from": {"id": 1, "is_bot": True, "first_name": "Bot"}}
    query = {"id": "1", "from": PERSON, "chat_instance": "x", "data": "1" * 32, "message": message or card}
    for body in ({"message": message}, {"edited_message": message}, {"callback_query": query}):
        try:
            update = Update.de_json({"update_id": 7, **body}, None)
            request = message_request(update, "deck_bot") or press_request(update, START_MS)
        except (TypeError, ValueError, AttributeError, KeyError, OverflowError, OSError):
            continue  # logged by the library or by Underway, which go on with the next one
        if request is not None and "edited_message" in body:
            assert request.edited


async def test_what_lacks_a_part_is_not_run() -> None:
    chat = Chat()
    reader = Reader(Home("T1", "", "UBOT"), chat.registry)
    for name in ("user", "ts", "channel", "text", "type"):
        body = {**copy.deepcopy(EVENT), "event_id": f"Ev-{name}"}
        del body["event"][name]  # type: ignore[attr-defined]
        request = reader.event(body)
        if request is not None:
            await chat.dispatcher.handle(request)
    assert chat.desk.done == []
    whole = reader.event(EVENT)
    assert whole is not None
    await chat.dispatcher.handle(whole)
    assert chat.desk.done == [("pause", "")]
