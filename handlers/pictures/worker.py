"""The process that draws, for `handlers.studio`: what is to be drawn comes in, pictures go out, until the input ends.

Each way a length of four bytes comes first, then the body. What goes out also says whether it is a picture or the trace
of what went wrong, and the largest memory so far in KiB (0 where that is not known). The process runs below the desk's
priority and knows no secrets.
"""

import gc
import os
import struct
import sys
import traceback
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

from handlers.pictures import render
from handlers.pictures.wire import from_bytes
from handlers.reply import BarPlot

NICE = 5
"""A picture may take longer; the desk's turn comes first."""
LENGTH = struct.Struct(">I")
HEAD = struct.Struct(">I?I")
"""Length of the body, whether it is a picture, memory in KiB."""


def answer(line: bytes) -> tuple[bool, bytes]:
    """The picture, or what went wrong in words for the log."""
    try:
        wish = from_bytes(line)
        return True, render(wish.plot, zone=ZoneInfo(wish.zone), quote=wish.quote, dark=wish.dark)
    except Exception:  # noqa: BLE001 - whatever it is, the desk writes it into its log and sends the figures
        return False, traceback.format_exc().encode()


def serve(asked: BinaryIO, drawn: BinaryIO) -> None:
    """Draw what is asked, one after the other, until there is nothing more."""
    while len(head := asked.read(LENGTH.size)) == LENGTH.size:
        is_picture, body = answer(asked.read(LENGTH.unpack(head)[0]))
        drawn.write(HEAD.pack(len(body), is_picture, memory_kib()) + body)
        drawn.flush()


def memory_kib() -> int:
    """Largest resident memory so far; what the kernel's usage says was taken over from the desk that started this."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def main() -> None:
    """Be ready for the first picture, then draw. What libraries print goes to standard error."""
    os.nice(NICE)
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as drawn:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        render(BarPlot(("",), (Decimal(1),), "the letters and the shapes are loaded with it"))
        gc.collect()
        gc.freeze()  # every tenth picture took twice as long: what is loaded now stays, and is not looked through again
        serve(sys.stdin.buffer, drawn)


if __name__ == "__main__":
    main()
