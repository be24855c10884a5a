"""Pictures inside the terminal: the protocols of kitty and iTerm2."""

from base64 import b64encode
from collections.abc import Mapping
from enum import Enum

_CHUNK = 4096


class ImageProtocol(Enum):
    """What the terminal understands."""

    NONE = "none"
    KITTY = "kitty"
    ITERM = "iterm"


def image_protocol(environ: Mapping[str, str]) -> ImageProtocol:
    """Find it out from the environment; a multiplexer in between swallows pictures."""
    program, term = environ.get("TERM_PROGRAM", ""), environ.get("TERM", "")
    if "TMUX" in environ or term.startswith("screen"):
        return ImageProtocol.NONE
    if term in ("xterm-kitty", "xterm-ghostty") or "KITTY_WINDOW_ID" in environ or program == "ghostty":
        return ImageProtocol.KITTY
    if program in ("iTerm.app", "WezTerm") or environ.get("LC_TERMINAL") == "iTerm2":
        return ImageProtocol.ITERM
    return ImageProtocol.NONE


def image_sequence(png: bytes, protocol: ImageProtocol) -> str:
    """The characters that make the terminal show the picture."""
    body = b64encode(png).decode("ascii")
    match protocol:
        case ImageProtocol.NONE:
            return ""
        case ImageProtocol.ITERM:
            return f"\x1b]1337;File=inline=1;size={len(png)};width=auto;preserveAspectRatio=1:{body}\x07\n"
        case ImageProtocol.KITTY:
            return _kitty(body)


def _kitty(body: str) -> str:
    """Kitty takes at most 4096 characters at a time; m=1 says that more follow."""
    pieces = [body[start : start + _CHUNK] for start in range(0, len(body), _CHUNK)]
    parts = []
    for number, piece in enumerate(pieces):
        head = "f=100,a=T," if number == 0 else ""
        more = int(number < len(pieces) - 1)
        parts.append(f"\x1b_G{head}m={more};{piece}\x1b\\")
    return "".join(parts) + "\n"
