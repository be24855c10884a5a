"""As much of protocol buffers as it takes to look into an ONNX file without the library that made it."""

from collections.abc import Iterator

type Field = tuple[int, int | bytes]
"""A field's number and what it holds: a whole number, or bytes (text, packed numbers, a message)."""

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5


class WireError(ValueError):
    """The bytes are no message."""


def fields(message: bytes) -> Iterator[Field]:
    """The fields of a message in order. Raises WireError for bytes that are none."""
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == _BYTES:
            size, at = _varint(message, at)
        elif kind in {_EIGHT, _FOUR}:
            size = 8 if kind == _EIGHT else 4
        else:
            raise WireError
        if number == 0 or at + size > end:
            raise WireError
        yield number, message[at : at + size]
        at += size


def numbers(value: int | bytes) -> list[int]:
    """Whole numbers of a field that may hold one or many of them."""
    if isinstance(value, int):
        return [_signed(value)]
    found, at = [], 0
    while at < len(value):
        one, at = _varint(value, at)
        found.append(_signed(one))
    return found


def message(value: int | bytes) -> bytes:
    """A field's bytes. Raises WireError where it is a number."""
    if isinstance(value, int):
        raise WireError
    return value


def text(value: int | bytes) -> str:
    """A field's text; what is not UTF-8 comes out strange and is refused by whoever compares it."""
    return message(value).decode("utf-8", "replace")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _varint(content: bytes, at: int) -> tuple[int, int]:
    found = 0
    for shift in range(0, 70, 7):
        if at >= len(content):
            raise WireError
        byte = content[at]
        at += 1
        found |= (byte & 0x7F) << shift
        if byte < 0x80:
            return found & 0xFFFF_FFFF_FFFF_FFFF, at
    raise WireError
