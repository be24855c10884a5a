"""What ends a command, told in one line: a slip of the person, a broken pipe, a fault of ours. Never a traceback."""

import errno
import logging
import os
import traceback
from pathlib import Path

from bot.domain.errors import QuarterdeckError
from bot.runtime.log import LOG_FILE, close_logging, set_up_logging
from bot.venues.port import VenueUnavailable
from cli.homes import resolve_home

ROOT = Path(__file__).resolve().parent.parent
SLIP, FAULT = 2, 1
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""No space, no more of one's share, no more in one file."""

log = logging.getLogger(__name__)


def ended_by(error: Exception, home: Path | None) -> tuple[int, str]:
    """Exit code, and the line to say; faults of ours are written whole into the home's log."""
    if isinstance(error, QuarterdeckError):
        return SLIP, str(error)
    if isinstance(error, VenueUnavailable):
        return FAULT, f"the exchange does not let the desk start: {error}"
    if isinstance(error, BrokenPipeError):
        return FAULT, ""
    if isinstance(error, OSError) and error.errno in FULL:
        return FAULT, "the disk, or what the output goes to, is full; free some space"
    return FAULT, f"a fault of the program ended this: {_place(error)}; {_logged(error, home)}"


def _place(error: Exception) -> str:
    """The kind of error and the innermost line of ours."""
    frames = [
        f
        for f in traceback.extract_tb(error.__traceback__)
        if Path(f.filename).is_relative_to(ROOT) and "site-packages" not in f.filename
    ]
    if not frames:
        return type(error).__name__
    where = Path(frames[-1].filename).relative_to(ROOT).as_posix()
    return f"{type(error).__name__} in {where} line {frames[-1].lineno}"


def _logged(error: Exception, home: Path | None) -> str:
    """Write it down; answers where that is."""
    try:
        found = resolve_home(home, os.environ)
        set_up_logging(found, console="none")
        log.critical("ended by a fault", exc_info=error)
        close_logging()
    except (QuarterdeckError, OSError):
        return "the log could not be written"
    return f"details in {found / LOG_FILE}"
