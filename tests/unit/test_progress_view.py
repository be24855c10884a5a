"""Progress of long commands: bar, rate and time left on a terminal, a line a minute in a log, one line at Ctrl-C."""

import os
import signal
from io import StringIO

import pytest

from cli.research.progress_view import Progress, progress
from research.progress import Stopped


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def view(*, terminal: bool, silent: bool = False) -> tuple[Progress, StringIO, Clock]:
    """A progress that writes into memory."""
    to, clock = StringIO(), Clock()
    return Progress("Backtest", "bars", to, clock, terminal=terminal, silent=silent), to, clock


def test_a_terminal_shows_bar_rate_and_time_left() -> None:
    """10,000 of 35,040 bars after two seconds: 5,000 a second, five seconds left."""
    shown, to, clock = view(terminal=True)
    shown.tell(0, 35_040)
    clock.now += 2
    shown.tell(10_000, 35_040)
    line = to.getvalue().removeprefix("\r")
    assert line.startswith("Backtest ━━━━━━━")
    assert "28 %, 10,000 of 35,040 bars, 5,000 bars/s, 0:05 left"[:30] in line
    shown.clear()
    assert to.getvalue().endswith("\r")


def test_short_work_shows_nothing_and_drawing_is_rare() -> None:
    """Nothing in the first moments; then ten times a second at most."""
    shown, to, clock = view(terminal=True)
    for done in range(30):
        shown.tell(done, 1000)
        clock.now += 0.01
    assert not to.getvalue()
    for done in range(1000):
        shown.tell(done, 1000)
        clock.now += 0.001
    assert 8 <= to.getvalue().count("\r") <= 11


def test_a_log_gets_one_line_a_minute() -> None:
    """Three minutes of work, three lines."""
    shown, to, clock = view(terminal=False)
    for done in range(0, 1810, 10):
        shown.tell(done, 3600)
        clock.now += 1
    lines = to.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[0] == "Backtest: 16 %, 600 of 3,600 bars, 10 bars/s, 5:00 left"


def test_json_without_a_terminal_is_silent() -> None:
    """Nothing at all."""
    shown, to, clock = view(terminal=False, silent=True)
    for done in range(500):
        shown.tell(done, 500)
        clock.now += 1
    assert not to.getvalue()


def test_resumed_work_counts_from_where_it_began() -> None:
    """900 of 1,000 were there: the rate is that of the rest."""
    shown, to, clock = view(terminal=False)
    shown.tell(900, 1000)
    clock.now += 100
    shown.tell(950, 1000)
    assert "0.5 bars/s, 1:40 left" in to.getvalue()


def test_ctrl_c_ends_at_the_next_word_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The signal only asks; the work's next word ends it, with 130 and one line."""
    seen = []

    def work() -> None:
        with progress("Sweep", unit="sets") as tell:
            tell(1, 10)
            os.kill(os.getpid(), signal.SIGINT)
            seen.append("work went on")
            tell(2, 10)
            seen.append("never")

    with pytest.raises(SystemExit) as ended:
        work()
    assert ended.value.code == 130
    assert seen == ["work went on"]
    assert capsys.readouterr().err == "Sweep: stopped at 20 %, 2 of 10 sets\n"


def test_a_second_ctrl_c_ends_at_once() -> None:
    """Work that says nothing can still be ended."""

    def work() -> None:
        with progress("Sweep", json=True):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            pytest.fail("it went on")

    with pytest.raises(SystemExit) as ended:
        work()
    assert ended.value.code == 130


def test_handlers_are_put_back() -> None:
    """What a signal did before, it does again."""
    before = signal.getsignal(signal.SIGINT)
    with progress("Backtest"):
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_a_closed_stream_does_not_end_the_work() -> None:
    """Nobody reads it: silence, and the work goes on."""
    shown, to, clock = view(terminal=False)
    to.close()
    shown.tell(0, 10)
    clock.now += 61
    shown.tell(5, 10)
    shown.ask_to_stop(signal.SIGINT, None)
    with pytest.raises(Stopped):
        shown.tell(6, 10)
