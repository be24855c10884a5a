"""Forms (modals): what the bot may show, and the one shape in which text inputs and selects are found in them."""

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.chat.discord.answers import Form, Json
from sandbox.chat.discord.message_rules import CUSTOM_ID, check_options

PARTS = 5
TITLE = 45
INPUT_LABEL = 45
INPUT_VALUE = 4000
_ROW, _INPUT, _SELECT, _TEXT, _LABELLED = 1, 4, 3, 10, 18


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to fill in: `part` is the component, `label` what stands above it."""

    label: str
    part: Json

    @property
    def required(self) -> bool:
        """True unless the bot says otherwise."""
        return bool(self.part.get("required", True))


def check_modal(modal: Json) -> None:
    """Refuse a form over Discord's limits."""
    form = Form()
    form.text("data.title", modal.get("title"), 1, TITLE)
    form.text("data.custom_id", modal.get("custom_id"), 1, CUSTOM_ID)
    parts = form.rows("data.components", modal.get("components"), PARTS, 1)
    seen: set[str] = set()
    for place, part in enumerate(parts):
        _part(form, f"data.components.{place}", part, seen)
    form.close()


def entries(modal: Json) -> Iterator[Entry]:
    """What can be filled in, in both of Discord's layouts: rows of inputs, and labelled parts."""
    for part in modal["components"]:
        if part.get("type") == _ROW:
            yield from (Entry(str(inner.get("label", "")), inner) for inner in part["components"])
        elif part.get("type") == _LABELLED:
            yield Entry(str(part["label"]), part["component"])


def submitted(modal: Json, values: dict[str, str]) -> list[Json]:
    """The form's components as the client sends them back; `values` by custom id."""
    made: list[Json] = []
    for part in modal["components"]:
        if part.get("type") == _ROW:
            made.append({"type": _ROW, "components": [_value(inner, values) for inner in part["components"]]})
        elif part.get("type") == _LABELLED:
            made.append(
                {"type": _LABELLED, "id": len(made) + 1, "component": _value(part["component"], values)}
            )
        else:
            made.append({"type": part["type"], "id": len(made) + 1})
    return made


def _value(part: Json, values: dict[str, str]) -> Json:
    own, value = part["custom_id"], values.get(part["custom_id"], "")
    made: Json = {"type": part["type"], "id": 1, "custom_id": own}
    return (
        {**made, "value": value} if part["type"] == _INPUT else {**made, "values": [value] if value else []}
    )


def _part(form: Form, path: str, part: Json, seen: set[str]) -> None:
    kind = part.get("type")
    if kind == _ROW:
        for inner in form.rows(f"{path}.components", part.get("components"), 1, 1):
            form.text(f"{path}.components.0.label", inner.get("label"), 1, INPUT_LABEL)
            _input(form, f"{path}.components.0", inner, seen)
    elif kind == _LABELLED:
        form.text(f"{path}.label", part.get("label"), 1, INPUT_LABEL)
        form.text(f"{path}.description", part.get("description"), 0, 100, required=False)
        _input(form, f"{path}.component", part.get("component") or {}, seen)
    elif kind != _TEXT:
        form.wrong(f"{path}.type", "UNION_TYPE_CHOICES", "Value of field must be one of (1, 10, 18).")


def _input(form: Form, path: str, part: Json, seen: set[str]) -> None:
    own = form.text(f"{path}.custom_id", part.get("custom_id"), 1, CUSTOM_ID)
    if own in seen:
        form.wrong(
            f"{path}.custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated"
        )
    seen.add(own)
    if part.get("type") == _SELECT:
        check_options(form, f"{path}.options", form.rows(f"{path}.options", part.get("options"), 25, 1))
    elif part.get("type") == _INPUT:
        _text_input(form, path, part)
    else:
        form.wrong(f"{path}.type", "UNION_TYPE_CHOICES", "Value of field must be one of (3, 4).")


def _text_input(form: Form, path: str, part: Json) -> None:
    if part.get("style") not in (1, 2):
        form.wrong(f"{path}.style", "BASE_TYPE_CHOICES", "Value must be one of {1, 2}.")
    form.text(f"{path}.placeholder", part.get("placeholder"), 0, 100, required=False)
    form.text(f"{path}.value", part.get("value"), 0, INPUT_VALUE, required=False)
    for name, least in (("min_length", 0), ("max_length", 1)):
        value = part.get(name)
        if value is not None and not least <= value <= INPUT_VALUE:
            form.wrong(f"{path}.{name}", "NUMBER_TYPE_MAX", f"Must be between {least} and {INPUT_VALUE}.")
