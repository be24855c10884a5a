"""F42 to F55 of the fault catalogue: streams, network, limits and time."""

from pathlib import Path

import fault_lines
import pytest
from fault_play import cases_of, tell


@pytest.mark.parametrize("name,venue", cases_of(fault_lines))
def test_fault(name: str, venue: str, tmp_path: Path) -> None:
    tell(name, venue, tmp_path)
