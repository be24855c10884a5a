"""What a message may hold: Discord's limits on content, embeds, components and files, checked as a whole."""

from collections.abc import Iterator, Sequence

from sandbox.chat.discord.answers import Form, Json, Refused

CONTENT = 2000
EMBEDS = 10
EMBED_TOTAL = 6000
ROWS = 5
BUTTONS_IN_ROW = 5
CUSTOM_ID = 100
LABEL = 80
OPTIONS = 25
FILES = 10
NONCE = 25
V2 = 1 << 15
_BUTTON, _LINK, _PREMIUM = 2, 5, 6
_SELECTS = frozenset({3, 5, 6, 7, 8})
_URL_SCHEMES = ("http://", "https://", "attachment://")


def check_message(payload: Json, files: Sequence[str]) -> None:
    """Refuse what is over a limit. `files` are the names of what is uploaded along."""
    form = Form()
    if payload.get("content") is not None:
        form.text("content", str(payload["content"]), 0, CONTENT)
    nonce = payload.get("nonce")
    if nonce is not None and len(str(nonce)) > NONCE:
        form.wrong("nonce", "NONCE_TYPE_BAD_LENGTH", f"Must be {NONCE} or fewer in length.")
    if int(payload.get("flags") or 0) & V2:
        form.wrong("flags", "NOT_EMULATED", "The sandbox knows no components V2")
    _embeds(form, payload.get("embeds"), files)
    check_components(form, payload.get("components"))
    _attachments(form, payload.get("attachments"), files)
    _mentions(form, payload.get("allowed_mentions"))
    form.close()


def check_full(content: str, embeds: Sequence[Json], components: Sequence[Json], files: int) -> None:
    """Refuse a message with nothing in it."""
    if not (content.strip() or embeds or components or files):
        raise Refused(400, 50006, "Cannot send an empty message")


def check_components(form: Form, given: object) -> None:
    """Rows of buttons and selects; ids must be unique in the message."""
    seen: set[str] = set()
    for place, row in enumerate(form.rows("components", given, ROWS)):
        path = f"components.{place}"
        if row.get("type") != 1:
            form.wrong(f"{path}.type", "UNION_TYPE_CHOICES", "Value of field must be one of (1,).")
            continue
        parts = form.rows(f"{path}.components", row.get("components"), BUTTONS_IN_ROW, 1)
        if len(parts) > 1 and any(part.get("type") in _SELECTS for part in parts):
            form.wrong(path, "COMPONENT_LAYOUT_WIDTH_EXCEEDED", "A select menu fills a row")
        for number, part in enumerate(parts):
            _part(form, f"{path}.components.{number}", part, seen)


def _part(form: Form, path: str, part: Json, seen: set[str]) -> None:
    kind = part.get("type")
    if kind == _BUTTON:
        _button(form, path, part)
    elif kind in _SELECTS:
        _select(form, path, part)
    else:
        form.wrong(f"{path}.type", "UNION_TYPE_CHOICES", "Value of field must be one of (2, 3, 5, 6, 7, 8).")
    own = part.get("custom_id")
    if isinstance(own, str):
        if own in seen:
            form.wrong(
                f"{path}.custom_id",
                "COMPONENT_CUSTOM_ID_DUPLICATED",
                "Component custom id cannot be duplicated",
            )
        seen.add(own)


def _button(form: Form, path: str, button: Json) -> None:
    style = button.get("style")
    if style not in range(1, 7):
        form.wrong(f"{path}.style", "BASE_TYPE_CHOICES", "Value must be one of {1, 2, 3, 4, 5, 6}.")
    if style == _LINK:
        form.text(f"{path}.url", button.get("url"), 1, 512)
        if button.get("custom_id") is not None:
            form.wrong(
                path,
                "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE",
                "A custom id and url cannot both be specified",
            )
    elif style != _PREMIUM:
        form.text(f"{path}.custom_id", button.get("custom_id"), 1, CUSTOM_ID)
    if not button.get("emoji") and style != _PREMIUM:
        form.text(f"{path}.label", button.get("label"), 1, LABEL)
    elif button.get("label") is not None:
        form.text(f"{path}.label", button.get("label"), 0, LABEL)


def _select(form: Form, path: str, select: Json) -> None:
    form.text(f"{path}.custom_id", select.get("custom_id"), 1, CUSTOM_ID)
    form.text(f"{path}.placeholder", select.get("placeholder"), 0, 150, required=False)
    if select.get("type") == 3:
        options = form.rows(f"{path}.options", select.get("options"), OPTIONS, 1)
        check_options(form, f"{path}.options", options)


def check_options(form: Form, path: str, options: Sequence[Json]) -> None:
    """Options of a select: labels, values, descriptions of at most 100; values unique."""
    values = [option.get("value") for option in options]
    for place, option in enumerate(options):
        where = f"{path}.{place}"
        form.text(f"{where}.label", option.get("label"), 1, 100)
        form.text(f"{where}.value", option.get("value"), 1, 100)
        form.text(f"{where}.description", option.get("description"), 0, 100, required=False)
        if values.index(option.get("value")) != place:
            form.wrong(
                f"{where}.value",
                "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
                "The specified option value is already used",
            )


def _embeds(form: Form, given: object, files: Sequence[str]) -> None:
    embeds = form.rows("embeds", given, EMBEDS)
    for place, embed in enumerate(embeds):
        _embed(form, f"embeds.{place}", embed, files)
    if sum(len(text) for embed in embeds for text in embed_texts(embed)) > EMBED_TOTAL:
        form.wrong("embeds", "MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {EMBED_TOTAL}")


def _embed(form: Form, path: str, embed: Json, files: Sequence[str]) -> None:
    form.text(f"{path}.title", embed.get("title"), 0, 256, required=False)
    form.text(f"{path}.description", embed.get("description"), 0, 4096, required=False)
    fields = form.rows(f"{path}.fields", embed.get("fields"), 25)
    for place, field in enumerate(fields):
        form.text(f"{path}.fields.{place}.name", field.get("name"), 1, 256)
        form.text(f"{path}.fields.{place}.value", field.get("value"), 1, 1024)
    form.text(f"{path}.footer.text", (embed.get("footer") or {}).get("text"), 0, 2048, required=False)
    form.text(f"{path}.author.name", (embed.get("author") or {}).get("name"), 0, 256, required=False)
    for part in ("image", "thumbnail"):
        if embed.get(part):
            _url(form, f"{path}.{part}.url", str(embed[part].get("url", "")), files)
    parts = ("image", "thumbnail", "video", "url")
    if not any(text.strip() for text in embed_texts(embed)) and not any(embed.get(part) for part in parts):
        form.wrong(f"{path}.description", "BASE_TYPE_REQUIRED", "This field is required")


def _url(form: Form, path: str, url: str, files: Sequence[str]) -> None:
    """A picture's address. A name that is not uploaded shows as a broken picture in reality; here it is refused."""
    if not url.startswith(_URL_SCHEMES):
        form.wrong(path, "URL_TYPE_INVALID_URL", "Not a well formed URL.")
    elif url.startswith("attachment://") and url.removeprefix("attachment://") not in files:
        form.wrong(path, "ATTACHMENT_NOT_FOUND", "Referenced attachment was not uploaded")


def embed_texts(embed: Json) -> Iterator[str]:
    """What counts into an embed's 6,000 characters."""
    yield str(embed.get("title") or "")
    yield str(embed.get("description") or "")
    for field in embed.get("fields") or []:
        if isinstance(field, dict):
            yield str(field.get("name") or "")
            yield str(field.get("value") or "")
    yield str((embed.get("footer") or {}).get("text") or "")
    yield str((embed.get("author") or {}).get("name") or "")


def _attachments(form: Form, given: object, files: Sequence[str]) -> None:
    if given is not None:
        form.rows("attachments", given, FILES)
    if len(files) > FILES:
        form.wrong("attachments", "BASE_TYPE_BAD_LENGTH", f"Must be between 0 and {FILES} in length.")


def _mentions(form: Form, given: object) -> None:
    if given is None:
        return
    if not isinstance(given, dict):
        form.wrong("allowed_mentions", "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
        return
    for part in ("users", "roles"):
        if part in (given.get("parse") or []) and given.get(part):
            form.wrong(
                "allowed_mentions",
                "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                f'parse:["{part}"] and {part}: [ids...] are mutually exclusive.',
            )
