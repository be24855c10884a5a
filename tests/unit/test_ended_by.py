"""What ends a command, in one line."""

import errno

import pytest

from bot.venues.port import VenueUnavailable
from cli.faults import FAULT, ended_by


def test_an_exchange_that_does_not_let_us_start_is_no_fault_of_the_program() -> None:
    code, line = ended_by(VenueUnavailable("user stream: auth refused"), None)
    assert (code, line) == (FAULT, "the exchange does not let the desk start: user stream: auth refused")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_no_room_left_is_no_fault_of_the_program(number: int) -> None:
    code, line = ended_by(OSError(number, "x"), None)
    assert (code, line) == (FAULT, "the disk, or what the output goes to, is full; free some space")
