"""Filling in a modal as Slack's own client allows it."""

from collections.abc import Mapping, Sequence

from sandbox.chat.slack.answers import Json

_ENTRY = 3000


class Impossible(Exception):
    """The real client would not let the person do this."""


def filled(blocks: Sequence[Json], given: Mapping[str, str]) -> Json:
    """The state of a modal, from values by label or block id; what the app has filled in stays."""
    inputs = [block for block in blocks if block["type"] == "input"]
    named = {name for block in inputs for name in (_label(block), block["block_id"])}
    for name in given.keys() - named:
        raise Impossible(f"the form has no {name}")
    return {block["block_id"]: {block["element"]["action_id"]: _entered(block, given)} for block in inputs}


def _label(block: Json) -> str:
    return str(block["label"]["text"])


def _entered(block: Json, given: Mapping[str, str]) -> Json:
    part, label = block["element"], _label(block)
    value = given.get(label, given.get(block["block_id"]))
    if "options" in part:
        return _chosen(label, part, value, bool(block.get("optional")))
    text = str(part.get("initial_value") or "") if value is None else value
    if not text and not block.get("optional"):
        raise Impossible(f"{label} must be filled in")
    if text and not part.get("min_length", 0) <= len(text) <= part.get("max_length", _ENTRY):
        raise Impossible(f"{label} has a wrong length")
    return {"type": part["type"], "value": text or None}


def _chosen(label: str, part: Json, value: str | None, optional: bool) -> Json:
    for option in part["options"]:
        if value in (option["text"]["text"], option["value"]):
            return {"type": part["type"], "selected_option": option}
    if value or not (optional or part.get("initial_option")):
        raise Impossible(f"{label} offers no {value!r}")
    return {"type": part["type"], "selected_option": part.get("initial_option")}
