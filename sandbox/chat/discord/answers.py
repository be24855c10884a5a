"""Answers of the REST interface and the refusals in Discord's own words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

type Json = dict[str, Any]
"""An object as it goes over the wire."""

_INVALID_FORM = 50035


@dataclass(frozen=True, slots=True)
class Answer:
    """A response; `body` None is an empty one (204)."""

    body: object = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """The request is not carried out: HTTP status, Discord's code and its message."""

    def __init__(self, status: int, code: int, message: str, more: Json | None = None) -> None:
        """`more` is added to the body."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.more = more or {}
        self.headers: dict[str, str] = {}

    def answer(self) -> Answer:
        """As a response."""
        return Answer({"message": self.message, "code": self.code, **self.more}, self.status, self.headers)


class Form:
    """Collects what is wrong with a request body and refuses it as a whole."""

    def __init__(self) -> None:
        self._errors: Json = {}

    def wrong(self, path: str, code: str, message: str) -> None:
        """One fault; `path` with dots, such as embeds.0.title."""
        place = self._errors
        for step in path.split("."):
            place = place.setdefault(step, {})
        place.setdefault("_errors", []).append({"code": code, "message": message})

    def text(self, path: str, value: object, least: int, most: int, required: bool = True) -> str:
        """A text of `least` to `most` characters; "" when it is wrong or missing."""
        if value is None:
            if required:
                self.wrong(path, "BASE_TYPE_REQUIRED", "This field is required")
            return ""
        if not isinstance(value, str):
            self.wrong(path, "STRING_TYPE_CONVERT", f"Could not interpret {value!r} as string.")
            return ""
        if len(value) > most:
            self.wrong(path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
        elif len(value) < least:
            told = "This field is required" if not value else f"Must be {least} or more in length."
            self.wrong(path, "BASE_TYPE_REQUIRED" if not value else "BASE_TYPE_MIN_LENGTH", told)
        return value

    def rows(self, path: str, value: object, most: int, least: int = 0) -> list[Json]:
        """A list of objects, at most so many; [] when it is none."""
        if value is None:
            value = []
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            self.wrong(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return []
        if not least <= len(value) <= most:
            self.wrong(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")
        return value

    def refusal(self) -> Refused:
        """All that was wrong."""
        return Refused(400, _INVALID_FORM, "Invalid Form Body", {"errors": self._errors})

    def close(self) -> None:
        """Refuse when anything was wrong."""
        if self._errors:
            raise self.refusal()


def unknown(code: int, what: str) -> Refused:
    """404 with one of the Unknown codes."""
    return Refused(404, code, f"Unknown {what}")
