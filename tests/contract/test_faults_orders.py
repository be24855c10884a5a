"""F01 to F24 of the fault catalogue: what becomes of orders when answers are lost, late, wrong or refused."""

from pathlib import Path

import fault_orders
import pytest
from fault_play import cases_of, tell


@pytest.mark.parametrize("name,venue", cases_of(fault_orders))
def test_fault(name: str, venue: str, tmp_path: Path) -> None:
    tell(name, venue, tmp_path)
