"""Block Kit: what blocks of a message or a modal may hold. Faults are told with pointers, as Slack does."""

from collections.abc import Callable, Sequence

from sandbox.chat.slack.answers import Json, Refused

BLOCKS = 50
MODAL_BLOCKS = 100
HEADER = 150
SECTION = 3000
FIELDS = 10
FIELD = 2000
ACTIONS = 25
BUTTON = 75
VALUE = 2000
ACTION_ID = 255
MARKDOWN = 12_000
TABLE_ROWS = 100
TABLE_COLUMNS = 20
TITLE = 24
METADATA = 3000
_INPUTS = frozenset({"plain_text_input", "number_input", "email_text_input", "url_text_input"})
_CHOOSERS = frozenset({"static_select", "multi_static_select", "radio_buttons", "checkboxes", "overflow"})
_PICKERS = frozenset(
    {"users_select", "conversations_select", "channels_select", "external_select", "datepicker", "timepicker"}
)
_MOST_OPTIONS = {"radio_buttons": 10, "checkboxes": 10, "overflow": 5}


class Faults:
    """Collects what is wrong."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def wrong(self, path: str, message: str) -> None:
        """One fault at a JSON pointer."""
        self.found.append(f"[ERROR] {message} [json-pointer:{path}]")

    def text(self, path: str, value: object, most: int, least: int = 1) -> str:
        """A text of so many characters; "" when it is none."""
        if not isinstance(value, str):
            self.wrong(path, "must be a string" if value is not None else "missing required field")
            return ""
        if len(value) > most:
            self.wrong(path, f"must be less than {most + 1} characters")
        elif len(value) < least:
            self.wrong(path, f"must be more than {least - 1} characters")
        return value

    def maybe(self, path: str, value: object, most: int) -> None:
        """A text that may be missing."""
        if value is not None:
            self.text(path, value, most)

    def label(self, path: str, value: object, most: int, plain: bool = True) -> None:
        """A text object; `plain`: only plain_text is taken."""
        if not isinstance(value, dict):
            self.wrong(path, "missing required field")
            return
        kinds = ("plain_text",) if plain else ("plain_text", "mrkdwn")
        if value.get("type") not in kinds:
            self.wrong(f"{path}/type", f"must be one of: {', '.join(kinds)}")
        self.text(f"{path}/text", value.get("text"), most)

    def rows(self, path: str, value: object, most: int, least: int = 1) -> list[Json]:
        """A list of objects; [] when it is none."""
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            self.wrong(path, "must be an array of objects")
            return []
        if not least <= len(value) <= most:
            self.wrong(path, f"must have {least} to {most} items")
        return value


def check_blocks(given: object) -> list[Json]:
    """The blocks of a message; refused as `invalid_blocks`."""
    faults = Faults()
    blocks = faults.rows("/blocks", given, BLOCKS, 0)
    _each(faults, "/blocks", blocks, modal=False)
    if sum(len(str(block.get("text", ""))) for block in blocks if block.get("type") == "markdown") > MARKDOWN:
        faults.wrong("/blocks", f"markdown blocks must be less than {MARKDOWN + 1} characters together")
    if sum(block.get("type") == "table" for block in blocks) > 1:
        raise Refused("invalid_attachments", ["only_one_table_allowed"])
    if faults.found:
        raise Refused("invalid_blocks", faults.found)
    return blocks


def check_view(given: object) -> Json:
    """A modal; refused as `invalid_arguments`."""
    faults = Faults()
    if not isinstance(given, dict):
        raise Refused("invalid_arguments", ["[ERROR] missing required field: view"])
    if given.get("type") != "modal":
        faults.wrong("/view/type", "must be one of: modal")
    faults.label("/view/title", given.get("title"), TITLE)
    for name in ("submit", "close"):
        if given.get(name) is not None:
            faults.label(f"/view/{name}", given[name], TITLE)
    faults.maybe("/view/private_metadata", given.get("private_metadata") or None, METADATA)
    faults.maybe("/view/callback_id", given.get("callback_id") or None, 255)
    faults.maybe("/view/external_id", given.get("external_id") or None, 255)
    blocks = faults.rows("/view/blocks", given.get("blocks"), MODAL_BLOCKS, 0)
    _each(faults, "/view/blocks", blocks, modal=True)
    if any(block.get("type") == "input" for block in blocks) and not given.get("submit"):
        faults.wrong("/view/submit", "missing required field: a view with inputs needs submit")
    if faults.found:
        raise Refused("invalid_arguments", faults.found)
    return given


def _each(faults: Faults, path: str, blocks: Sequence[Json], modal: bool) -> None:
    seen: set[str] = set()
    for place, block in enumerate(blocks):
        where, kind = f"{path}/{place}", str(block.get("type"))
        known = _KINDS.get(kind)
        if known is None or (kind in ("markdown", "table") and modal):
            faults.wrong(f"{where}/type", f"unsupported type: {kind}")
            continue
        known(faults, where, block)
        faults.maybe(f"{where}/block_id", block.get("block_id"), 255)
        own = block.get("block_id")
        if own in seen:
            faults.wrong(f"{where}/block_id", "block_id already exists")
        if own is not None:
            seen.add(str(own))


def _header(faults: Faults, path: str, block: Json) -> None:
    faults.label(f"{path}/text", block.get("text"), HEADER)


def _section(faults: Faults, path: str, block: Json) -> None:
    if block.get("text") is None and block.get("fields") is None:
        faults.wrong(path, "missing required field: text or fields")
    if block.get("text") is not None:
        faults.label(f"{path}/text", block["text"], SECTION, plain=False)
    if block.get("fields") is not None:
        for place, row in enumerate(faults.rows(f"{path}/fields", block["fields"], FIELDS)):
            faults.label(f"{path}/fields/{place}", row, FIELD, plain=False)
    if block.get("accessory") is not None:
        _elements(faults, f"{path}/accessory", [block["accessory"]])


def _divider(faults: Faults, path: str, block: Json) -> None:
    pass


def _actions(faults: Faults, path: str, block: Json) -> None:
    _elements(faults, f"{path}/elements", faults.rows(f"{path}/elements", block.get("elements"), ACTIONS))


def _context(faults: Faults, path: str, block: Json) -> None:
    for place, part in enumerate(faults.rows(f"{path}/elements", block.get("elements"), 10)):
        if part.get("type") == "image":
            _image(faults, f"{path}/elements/{place}", part)
        else:
            faults.label(f"{path}/elements/{place}", part, SECTION, plain=False)


def _image(faults: Faults, path: str, block: Json) -> None:
    faults.text(f"{path}/alt_text", block.get("alt_text"), 2000)
    if block.get("slack_file") is None:
        faults.text(f"{path}/image_url", block.get("image_url"), 3000)


def _input(faults: Faults, path: str, block: Json) -> None:
    faults.label(f"{path}/label", block.get("label"), 2000)
    if not isinstance(block.get("element"), dict):
        faults.wrong(f"{path}/element", "missing required field")
        return
    _elements(faults, f"{path}/element", [block["element"]], inputs=True)


def _markdown(faults: Faults, path: str, block: Json) -> None:
    faults.text(f"{path}/text", block.get("text"), MARKDOWN)


def _table(faults: Faults, path: str, block: Json) -> None:
    rows = block.get("rows")
    if not isinstance(rows, list) or not 1 <= len(rows) <= TABLE_ROWS:
        faults.wrong(f"{path}/rows", f"must have 1 to {TABLE_ROWS} items")
        return
    for place, row in enumerate(rows):
        cells = faults.rows(f"{path}/rows/{place}", row, TABLE_COLUMNS)
        for number, cell in enumerate(cells):
            if cell.get("type") not in ("raw_text", "rich_text"):
                faults.wrong(f"{path}/rows/{place}/{number}/type", "must be one of: raw_text, rich_text")
            elif cell["type"] == "raw_text":
                faults.text(f"{path}/rows/{place}/{number}/text", cell.get("text"), SECTION)


def _rich_text(faults: Faults, path: str, block: Json) -> None:
    faults.rows(f"{path}/elements", block.get("elements"), 1000)


_KINDS: dict[str, Callable[[Faults, str, Json], None]] = {
    "header": _header,
    "section": _section,
    "divider": _divider,
    "actions": _actions,
    "context": _context,
    "image": _image,
    "input": _input,
    "markdown": _markdown,
    "table": _table,
    "rich_text": _rich_text,
}


def _elements(faults: Faults, path: str, elements: Sequence[Json], inputs: bool = False) -> None:
    seen: set[str] = set()
    for place, part in enumerate(elements):
        where = f"{path}/{place}" if len(elements) > 1 else path
        kind = part.get("type")
        if kind == "button" and not inputs:
            _button(faults, where, part)
        elif kind in _CHOOSERS:
            _chooser(faults, where, part)
        elif kind in _INPUTS and inputs:
            _entry(faults, where, part)
        elif kind not in _PICKERS and kind != "image":
            faults.wrong(f"{where}/type", f"unsupported type: {kind}")
        own = part.get("action_id")
        faults.maybe(f"{where}/action_id", own, ACTION_ID)
        if own in seen:
            faults.wrong(f"{where}/action_id", f"action_id `{own}` already exists")
        if own is not None:
            seen.add(str(own))


def _button(faults: Faults, path: str, button: Json) -> None:
    faults.label(f"{path}/text", button.get("text"), BUTTON)
    if button.get("value") is not None:
        faults.text(f"{path}/value", button["value"], VALUE, 0)
    faults.maybe(f"{path}/url", button.get("url"), 3000)
    if button.get("style") not in (None, "primary", "danger"):
        faults.wrong(f"{path}/style", "must be one of: primary, danger")


def _chooser(faults: Faults, path: str, chooser: Json) -> None:
    if chooser.get("placeholder") is not None:
        faults.label(f"{path}/placeholder", chooser["placeholder"], 150)
    if chooser.get("option_groups") is not None:
        return
    most = _MOST_OPTIONS.get(str(chooser["type"]), 100)
    for place, option in enumerate(faults.rows(f"{path}/options", chooser.get("options"), most)):
        faults.label(f"{path}/options/{place}/text", option.get("text"), 75, plain=False)
        faults.text(f"{path}/options/{place}/value", option.get("value"), 150)


def _entry(faults: Faults, path: str, entry: Json) -> None:
    if entry.get("placeholder") is not None:
        faults.label(f"{path}/placeholder", entry["placeholder"], 150)
    for name in ("min_length", "max_length"):
        value = entry.get(name)
        if value is not None and not 0 <= value <= 3000:
            faults.wrong(f"{path}/{name}", "must be 0 to 3000")
