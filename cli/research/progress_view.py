"""How far long work is, as every long command shows it: a bar on a terminal, one line a minute in a log.

All of it goes to standard error. With --json nothing is said unless standard error is a terminal.
"""

import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import TextIO

from research.progress import Stopped, Tell

BAR_WIDTH = 28
DRAWN_EVERY_S, LOGGED_EVERY_S = 0.1, 60.0
QUIET_S = 0.4
"""Work that is done sooner shows no bar."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)

type Clock = Callable[[], float]


@dataclass(slots=True)
class Progress:
    """How far it is, how fast, how long yet; says so when it is time to."""

    title: str
    unit: str
    to: TextIO
    clock: Clock = time.monotonic
    terminal: bool = False
    silent: bool = False
    begun: float = field(init=False)
    said: float = field(init=False)
    start: int | None = field(default=None, init=False)
    done: int = field(default=0, init=False)
    whole: int = field(default=0, init=False)
    drawn: int = field(default=0, init=False)
    stop_asked: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """The clock runs from here; a bar waits a moment, a log a minute."""
        self.begun = self.clock()
        self.said = self.begun + (QUIET_S - DRAWN_EVERY_S if self.terminal else 0.0)

    def tell(self, done: int, whole: int) -> None:
        """Hear how far it is. Raises Stopped when somebody asked to stop."""
        self.start = done if self.start is None else self.start
        self.done, self.whole = done, whole
        if self.stop_asked:
            raise Stopped
        if self.silent:
            return
        now = self.clock()
        if now - self.said < (DRAWN_EVERY_S if self.terminal else LOGGED_EVERY_S):
            return
        self.said = now
        if self.terminal:
            self._draw(now)
        else:
            self._write(f"{self.title}: {self._words(now)}\n")

    def clear(self) -> None:
        """Take the bar away."""
        if self.drawn:
            self._write("\r" + " " * self.drawn + "\r")
            self.drawn = 0

    def end(self, text: str) -> None:
        """The last line."""
        self.clear()
        self._write(f"{text}\n")

    @property
    def reached(self) -> str:
        """`42 %, 14,900 of 35,040 bars`."""
        share = 100 * self.done // self.whole if self.whole else 0
        return f"{share} %, {self.done:,} of {self.whole:,} {self.unit}"

    def ask_to_stop(self, number: int, _frame: FrameType | None) -> None:
        """A signal: the work ends at its next word; a second one ends it at once."""
        if self.stop_asked:
            sys.exit(128 + number)
        self.stop_asked = number
        if self.terminal and not self.silent:
            self.clear()
            self._write(f"{self.title}: stopping (once more: at once)\n")

    def _words(self, now: float) -> str:
        elapsed, made = now - self.begun, self.done - (self.start or 0)
        rate = made / elapsed if elapsed > 0 else 0.0
        left = _duration((self.whole - self.done) / rate) if rate > 0 else "unknown"
        return f"{self.reached}, {_rate(rate)} {self.unit}/s, {left} left"

    def _draw(self, now: float) -> None:
        filled = BAR_WIDTH * self.done // self.whole if self.whole else 0
        bar = "━" * filled + "╌" * (BAR_WIDTH - filled)
        line = f"{self.title} {bar} {self._words(now)}"[: shutil.get_terminal_size().columns - 1]
        self._write("\r" + line.ljust(self.drawn))
        self.drawn = len(line)

    def _write(self, text: str) -> None:
        try:
            self.to.write(text)
            self.to.flush()
        except (OSError, ValueError):  # nobody reads it any more: the work goes on
            self.silent = True


@contextmanager
def progress(title: str, *, unit: str = "bars", json: bool = False) -> Iterator[Tell]:
    """A Tell for long work within the block. Ctrl-C raises Stopped at its next word: one line, exit code 130.

    `title` says what is done ("Backtest"), `unit` what is counted.
    """
    terminal = sys.stderr.isatty()
    view = Progress(title, unit, sys.stderr, terminal=terminal, silent=json and not terminal)
    try:
        with _heard(view.ask_to_stop):
            yield view.tell
    except Stopped:
        view.end(f"{title}: stopped at {view.reached}")
        raise SystemExit(128 + (view.stop_asked or signal.SIGINT)) from None
    finally:
        view.clear()


@contextmanager
def _heard(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Signals go to `handler` meanwhile; only the main thread can ask for them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _rate(rate: float) -> str:
    """Three digits: 0.25, 12.5, 950, 18.2k, 1.2M."""
    for size, sign in ((1e6, "M"), (1e4, "k")):
        if rate >= size:
            return f"{rate / (1e6 if sign == 'M' else 1e3):.3g}{sign}"
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"


def _duration(seconds: float) -> str:
    """`0:07`, `12:30`, `3:05:00`."""
    whole = round(min(seconds, 359_999))
    hours, rest = divmod(whole, 3600)
    minutes, last = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{last:02}" if hours else f"{minutes}:{last:02}"
