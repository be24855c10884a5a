"""QR pictures."""

from io import BytesIO

import segno

_SCALE = 6  # pixels per module: large enough for a phone at arm's length
_BORDER = 4  # modules of quiet zone, as the standard wants


def qr_png(text: str) -> bytes:
    """A PNG that a phone's camera reads as this text, black on white whatever the look of the chat."""
    picture = BytesIO()
    segno.make(text, error="m", micro=False).save(picture, kind="png", scale=_SCALE, border=_BORDER)
    return picture.getvalue()
