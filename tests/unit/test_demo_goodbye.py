"""The last words of a demo: what is kept, and where."""

from pathlib import Path

import pytest

from cli.demo_desk import goodbye


@pytest.mark.parametrize(
    "held, words",
    [
        (0, "Everything is saved in there."),
        (1, "1 open position with its stop is saved in there."),
        (3, "3 open positions with their stops are saved in there."),
    ],
)
def test_what_is_open_is_counted(held: int, words: str) -> None:
    """None, one, several."""
    assert words in goodbye(held, Path("there"))
