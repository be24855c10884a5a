"""What compiled code does where nothing may be written, and with columns of another kind."""

from types import SimpleNamespace

import numpy as np
import pytest

from bot.market import compiled as compiling


def doubled(value: float) -> float:
    return value * 2.0


def test_without_a_folder_to_write_to_it_is_compiled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """numba raises when it finds no place for its cache; the second try asks for none."""
    asked: list[bool] = []
    njit = compiling.numba.njit

    def refusing(**options: bool) -> object:
        asked.append(options.get("cache", False))
        if asked[-1]:
            raise RuntimeError("cannot cache function 'doubled': no locator available")
        return njit(**options)

    monkeypatch.setattr(
        compiling, "numba", SimpleNamespace(njit=refusing)
    )  # numba itself goes on using its own
    made = compiling.compiled(doubled)
    assert asked == [True, False]
    assert made(21.0) == 42.0


def test_what_is_divided_by_nothing_is_no_exception() -> None:
    def ratio(one: float, other: float) -> float:
        return one / other

    assert compiling.compiled(ratio)(1.0, 0.0) == float("inf")


def test_no_operation_is_fused_with_another() -> None:
    """a x b + c is rounded twice, as Python does it: else entries would hang on the processor."""

    def left(a: float, b: float, c: float) -> float:
        return a * b + c

    made = compiling.compiled(left)
    chance = np.random.default_rng(1)
    for a, b in chance.random((200, 2)).tolist():
        assert made(a, b, -(a * b)) == 0.0


def test_plain_columns_are_not_copied_and_others_are() -> None:
    column = np.arange(6.0)
    assert compiling.plain(column) is column
    assert compiling.plain(column[2:]).base is column
    frozen = column.copy()
    frozen.flags.writeable = False
    for odd in (frozen, column[::2], column[::-1]):
        found = compiling.plain(odd)
        assert found.flags.writeable
        assert found.flags.c_contiguous
        np.testing.assert_array_equal(found, odd)
