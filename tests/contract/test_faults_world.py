"""F56 to F63 of the fault catalogue: prices, settings, contracts and money."""

from pathlib import Path

import fault_world
import pytest
from fault_play import cases_of, tell


@pytest.mark.parametrize("name,venue", cases_of(fault_world))
def test_fault(name: str, venue: str, tmp_path: Path) -> None:
    tell(name, venue, tmp_path)
