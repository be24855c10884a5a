"""Kinds of values that a setting may have, and how a setting is declared: default, meaning, range, unit.

Numbers of money and ratios are Decimal, read from the very text of the file; no binary float comes between.
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from bot.config.secrets import looks_secret

NUMBER = re.compile(r"[-+]?(\d[\d_]*)?\.?\d+([eE][-+]?\d{1,3})?")
MAX_DIGITS = 30
_SIGNS = re.compile(r"""[,\[\]{}"'#]|: |:$|^[\s&*!|>%@`?-]|^$""")
"""Of YAML's short form: words with these would be read as something else."""


def refused(message: str, *keys: str) -> PydanticCustomError:
    """An error whose message is shown as it stands, after the key; `keys` lead on to a key further inside."""
    return PydanticCustomError("refused", "{message}", {"message": message, "keys": keys})


def exact(value: object) -> Decimal:
    """A finite number from YAML (already exact) or from text; true and false are no numbers."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise ValueError
    text = str(value).strip()
    if isinstance(value, str) and not NUMBER.fullmatch(text):
        raise ValueError
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError from None
    if not number.is_finite() or len(number.as_tuple().digits) > MAX_DIGITS:
        raise ValueError
    return number


def _identifier(value: object) -> object:
    """Ids of chats and guilds are text; YAML reads an unquoted one as a whole number."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


type Number = Annotated[Decimal, BeforeValidator(exact)]
type Whole = Annotated[int, Strict()]
type Switch = Annotated[bool, Strict()]
type Text = Annotated[str, Strict()]
type Identifier = Annotated[str, BeforeValidator(_identifier), Strict()]


class Section(BaseModel):
    """A group of settings. A section whose keys are all commented out is an empty one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_empty(cls, value: object) -> object:
        return {} if value is None else value

    @classmethod
    def default(cls) -> Self:
        """The section as it is when nobody configured anything."""
        return cls()


def setting(
    default: object,
    meaning: str,
    *,
    low: int | str | None = None,
    high: int | str | None = None,
    unit: str = "",
    allowed: str = "",
) -> Any:
    """Declare one setting: default (... = required), meaning in one line, range with both ends in it, unit.

    `allowed` says in words what the type and the range do not.
    """
    return Field(
        default,
        description=meaning,
        ge=None if low is None else Decimal(low),
        le=None if high is None else Decimal(high),
        json_schema_extra={"unit": unit, "allowed": allowed},
    )


def note(field: FieldInfo, name: str) -> str:
    """One of the words that `setting` wrote to a field: unit or allowed."""
    extra = field.json_schema_extra
    return str(extra.get(name, "")) if isinstance(extra, Mapping) else ""


def text_of(value: object) -> str:
    """A value as config.yaml writes it, for people: plain numbers, true and false, names of choices."""
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal():
            return f"{value:f}"
        case StrEnum():
            return value.value
        case tuple() | list():
            return "[" + ", ".join(_inner_text(item) for item in value) + "]"
        case Mapping():
            return "{" + ", ".join(f"{key}: {_inner_text(item)}" for key, item in value.items()) + "}"
        case BaseModel():
            return ", ".join(f"{name} {text_of(item)}" for name, item in value)
        case _:
            return str(value)


def _inner_text(value: object) -> str:
    """A value within a list or a map: words that hold the signs of these are quoted."""
    text = text_of(value)
    return json.dumps(text, ensure_ascii=False) if isinstance(value, str) and _SIGNS.search(text) else text


def shown(value: object) -> str:
    """A value as an error line quotes it: short, printable, one line."""
    match value:
        case None:
            return "nothing"
        case Mapping():
            return "a group of keys"
        case list():
            return "a list"
        case Decimal() if not value.is_finite():
            return str(value).lower()
        case str() if looks_secret(value):
            return "what looks like a secret"
        case str():
            return repr(value if len(value) <= 40 else f"{value[:37]}...")
        case _:
            text = text_of(value)
            return text if len(text) <= 40 else f"{text[:37]}..."
