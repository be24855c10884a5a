"""Bodies of requests: forms, JSON and multipart, read from the bytes that were kept."""

from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import orjson


@dataclass(frozen=True, slots=True)
class Upload:
    """A file in a multipart body."""

    key: str
    name: str
    kind: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Body:
    """Fields by name (JSON keeps its types, forms are texts) and the files."""

    fields: dict[str, object] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)


def read_body(content_type: str, body: bytes) -> Body:
    """What the body says by its content type; ValueError when it is not what it says it is."""
    kind = content_type.partition(";")[0].strip().lower()
    match kind:
        case "application/json":
            return Body(_object(body))
        case "application/x-www-form-urlencoded":
            return Body(dict(parse_qsl(body.decode(), keep_blank_values=True)))
        case "multipart/form-data":
            return _multipart(content_type, body)
        case _:
            return Body()


def _object(body: bytes) -> dict[str, object]:
    found = orjson.loads(body or b"{}")
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    return found


def _multipart(content_type: str, body: bytes) -> Body:
    made = Body()
    mark = b"--" + _parameter(content_type, "boundary").encode()
    pieces = (b"\r\n" + body).split(b"\r\n" + mark)
    if mark == b"--" or len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise ValueError("no multipart body")
    for piece in pieces[1:-1]:
        head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        _keep(made, _headers(head.decode()), content)
    return made


def _keep(made: Body, headers: dict[str, str], content: bytes) -> None:
    where = headers.get("content-disposition", "")
    name, file_name = _parameter(where, "name"), _parameter(where, "filename")
    if "filename" in where:
        kind = headers.get("content-type", "application/octet-stream")
        made.uploads[name] = Upload(name, file_name, kind, content)
    else:
        made.fields[name] = content.decode()


def _headers(head: str) -> dict[str, str]:
    rows = (line.partition(":") for line in head.split("\r\n"))
    return {name.strip().lower(): value.strip() for name, _, value in rows}


def _parameter(header: str, wanted: str) -> str:
    """`name="value"` or `name=value` of a header; "" when it has none. Quotes within values come as %22."""
    for part in header.split(";")[1:]:
        name, _, value = part.strip().partition("=")
        if name.lower() == wanted:
            return value.strip('"').replace("%22", '"')
    return ""
