"""Dialog boxes: one line of text for a button, or a line by itself; what they belong to travels in their metadata."""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from handlers.platforms.slack.render import ASK, PICK, RUN, Block, short
from handlers.request import ChatKind

MOST_TYPED = 300
_TITLE = 24
_BLOCK, _FIELD = "line", "text"


@dataclass(frozen=True, slots=True)
class Pressed:
    """What an action means: a button's id ("" for a line by itself); `prompt` is the text to ask for first."""

    button: str
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a box belongs to: the button, and the chat and message it was opened from."""

    button: str
    chat_id: str
    kind: ChatKind
    within: tuple[str, ...]
    message_id: str


def pressed(action: Mapping[str, object]) -> Pressed | None:
    """Which button a press or a choice means; None for what is not ours."""
    kind, _, rest = str(action.get("action_id", "")).partition("|")
    value = action.get("value")
    if kind == PICK:
        chosen = action.get("selected_option")
        found = chosen.get("value") if isinstance(chosen, dict) else None
        return Pressed(str(found)) if found else None
    if not isinstance(value, str) or kind not in (RUN, ASK):
        return None
    if kind == RUN:
        return Pressed(value)
    return Pressed("" if value == "-" else value, rest.partition("|")[2] or "Text")


def box(prompt: str, asked: Asked) -> Block:
    """The view to open."""
    metadata = {
        "button": asked.button,
        "chat": asked.chat_id,
        "kind": asked.kind.value,
        "within": asked.within,
        "message": asked.message_id,
    }
    element: Block = {"type": "plain_text_input", "action_id": _FIELD, "max_length": MOST_TYPED}
    return {
        "type": "modal",
        "callback_id": ASK,
        "private_metadata": orjson.dumps(metadata).decode(),
        "title": _text(short(prompt, _TITLE)),
        "submit": _text("Send"),
        "close": _text("Cancel"),
        "blocks": [
            {"type": "input", "block_id": _BLOCK, "label": _text(short(prompt, 100)), "element": element}
        ],
    }


def filled(view: Mapping[str, object]) -> tuple[Asked, str] | None:
    """What a submitted box belongs to and what was typed; None when it is not ours."""
    try:
        kept = orjson.loads(str(view.get("private_metadata", "")))
        asked = Asked(
            str(kept["button"]),
            str(kept["chat"]),
            ChatKind(kept["kind"]),
            tuple(str(place) for place in kept["within"]),
            str(kept["message"]),
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None
    return asked, _typed(view.get("state"))


def _typed(state: object) -> str:
    for key in ("values", _BLOCK, _FIELD, "value"):
        state = state.get(key) if isinstance(state, dict) else None
    return state if isinstance(state, str) else ""


def _text(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}
