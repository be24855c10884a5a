"""Parameters of a call: texts in a form, anything in JSON; read with their types, or refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import orjson

from sandbox.chat.bodies import Upload
from sandbox.chat.telegram.refusal import Refused, bad

type Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Fields:
    """What a method was called with."""

    values: Mapping[str, object]
    uploads: Mapping[str, Upload]

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) not in (None, "")

    def text(self, name: str, default: str = "") -> str:
        """As it is; numbers in JSON are taken as their text."""
        found = self.values.get(name)
        return default if found is None else str(found)

    def whole(self, name: str, default: int = 0) -> int:
        """A whole number."""
        if name not in self:
            return default
        try:
            return int(str(self.values[name]))
        except ValueError:
            raise bad(f'parameter "{name}" must be a whole number') from None

    def flag(self, name: str) -> bool:
        """True or false; absent is false."""
        return str(self.values.get(name, "")).lower() in {"true", "1", "yes"}

    def structure(self, name: str) -> Json | None:
        """A JSON object; None when it was not given."""
        found = self._parsed(name)
        if found is not None and not isinstance(found, dict):
            raise bad(f"object expected as {name.replace('_', ' ')}")
        return found

    def rows(self, name: str) -> list[Json] | None:
        """A JSON list of objects; None when it was not given."""
        found = self.items(name)
        if found is not None and not all(isinstance(row, dict) for row in found):
            raise bad(f"expected an array of objects as {name}")
        return cast(list[Json] | None, found)

    def items(self, name: str) -> list[object] | None:
        """A JSON list; None when it was not given."""
        found = self._parsed(name)
        if found is not None and not isinstance(found, list):
            raise bad(f"expected an Array as {name}")
        return found

    def _parsed(self, name: str) -> object:
        found = self.values.get(name)
        if found in (None, "") or not isinstance(found, str):
            return found or None
        try:
            return cast(object, orjson.loads(found))
        except orjson.JSONDecodeError:
            raise Refused(400, f"Bad Request: can't parse {name.replace('_', ' ')} JSON object") from None
