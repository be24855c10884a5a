"""Every fault from F01 to F63 is told on both exchanges, or named with the reason why it cannot be."""

import fault_lines
import fault_orders
import fault_protection
import fault_world
import pytest
from contract_house import EXCHANGES
from fault_play import NOT_INJECTED, ROWS

MODULES = (fault_orders, fault_protection, fault_lines, fault_world)
CATALOGUE = tuple(f"F{number:02d}" for number in range(1, 64))


@pytest.mark.parametrize("venue", EXCHANGES)
@pytest.mark.parametrize("number", CATALOGUE)
def test_listed(number: str, venue: str) -> None:
    told = [row.name for row in ROWS if row.number == number and venue in row.venues]
    excused = NOT_INJECTED.get((number, venue), "")
    assert bool(told) != bool(excused), f"{number} on {venue}: told {told}, excused {excused!r}"


def test_no_other_numbers_and_no_name_twice() -> None:
    assert {row.number for row in ROWS} <= set(CATALOGUE)
    names = [row.name for row in ROWS]
    assert len(names) == len(set(names))
    assert {row.tell.__module__ for row in ROWS} == {module.__name__ for module in MODULES}


def test_whatever_is_waived_has_a_reason() -> None:
    assert all(len(reason) > 10 for row in ROWS for reason in row.waived.values())
    assert all(len(reason) > 10 for reason in NOT_INJECTED.values())
