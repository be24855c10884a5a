"""F25 to F41 of the fault catalogue: stops and targets refused, lost, doubled, too late, or in the way."""

from pathlib import Path

import fault_protection
import pytest
from fault_play import cases_of, tell


@pytest.mark.parametrize("name,venue", cases_of(fault_protection))
def test_fault(name: str, venue: str, tmp_path: Path) -> None:
    tell(name, venue, tmp_path)
