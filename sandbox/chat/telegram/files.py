"""Files that came with a call or were sent before; pictures are looked at as the provider does."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.chat.bodies import Upload
from sandbox.chat.telegram.nouns import Stored
from sandbox.chat.telegram.refusal import Refused, bad

PHOTO_BYTES = 10 * 1024 * 1024
DOCUMENT_BYTES = 50 * 1024 * 1024
DOWNLOAD_BYTES = 20 * 1024 * 1024
SIDES = 10_000
RATIO = 20
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND\xaeB`\x82"
_JPEG = b"\xff\xd8\xff"
_NO_FRAME = frozenset({0xC4, 0xC8, 0xCC})


@dataclass(slots=True)
class Files:
    """All files of the provider by id and by path."""

    stored: dict[str, Stored] = field(default_factory=dict)

    def photo(self, content: bytes, name: str = "photo.png") -> Stored:
        """Keep a picture; Refused when it is none, or of a size that pictures cannot have."""
        if len(content) > PHOTO_BYTES:
            raise bad(
                f"file of size {len(content)} bytes is too big for a photo; "
                f"the maximum size is {PHOTO_BYTES} bytes"
            )
        width, height = picture_size(content)
        if not width or not height:
            raise bad("IMAGE_PROCESS_FAILED")
        if width + height > SIDES or max(width, height) > RATIO * min(width, height):
            raise bad("PHOTO_INVALID_DIMENSIONS")
        return self._keep(Stored(self._next(), name, "image/jpeg", content, width, height))

    def document(self, content: bytes, name: str, kind: str) -> Stored:
        """Keep a file; Refused when it is empty or too large."""
        if not content:
            raise bad("file must be non-empty")
        if len(content) > DOCUMENT_BYTES:
            raise Refused(413, "Request Entity Too Large")
        return self._keep(Stored(self._next(), name or "file", kind, content))

    def given(self, kind: str, source: str, uploads: Mapping[str, Upload]) -> Stored:
        """What a call names: an upload in the field `kind`, `attach://name`, or the id of a file sent before."""
        upload = uploads.get(source.removeprefix("attach://")) if source.startswith("attach://") else None
        upload = upload or uploads.get(kind)
        if upload is not None:
            if kind == "photo":
                return self.photo(upload.content, upload.name)
            return self.document(upload.content, upload.name, upload.kind)
        if not source:
            raise bad(f"there is no {kind} in the request")
        found = self.stored.get(source)
        if found is None or bool(found.width) != (kind == "photo"):
            raise bad("wrong file identifier/HTTP URL specified")
        return found

    def by_path(self, path: str) -> Stored | None:
        """A file to download."""
        return next((one for one in self.stored.values() if one.path == path), None)

    def _next(self) -> str:
        return f"AgAC{len(self.stored) + 1:08d}"

    def _keep(self, stored: Stored) -> Stored:
        self.stored[stored.id] = stored
        return stored


def picture_size(content: bytes) -> tuple[int, int]:
    """Width and height of a PNG or JPEG; (0, 0) when it is neither or not whole."""
    if content.startswith(_PNG) and content[12:16] == b"IHDR" and content.endswith(_PNG_END):
        width, height = struct.unpack(">II", content[16:24])
        return int(width), int(height)
    return _jpeg_size(content) if content.startswith(_JPEG) else (0, 0)


def _jpeg_size(content: bytes) -> tuple[int, int]:
    place = 2
    while place + 9 <= len(content) and content[place] == 0xFF:
        kind = content[place + 1]
        length = int(struct.unpack(">H", content[place + 2 : place + 4])[0])
        if 0xC0 <= kind <= 0xCF and kind not in _NO_FRAME:
            height, width = struct.unpack(">HH", content[place + 5 : place + 9])
            return int(width), int(height)
        place += 2 + length
    return 0, 0
