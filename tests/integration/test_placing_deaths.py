"""kill -9 of a whole house while another model is put in use: the next start finishes what was in the books, once."""

import json
import os
import subprocess
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

import model_writer
import pytest

SUPPORT = Path(model_writer.__file__).parent
ACTOR = "console:1"


def moments(way: str, root: Path) -> list[tuple[bool, list[dict[str, Any]]]]:
    """For every moment: whether the house died there, and what the starts after it found."""
    path = os.pathsep.join([str(SUPPORT.parents[1]), str(SUPPORT)])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(SUPPORT / "placing_house.py"), way, str(root)],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path},
        cwd=SUPPORT.parents[1],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: list[tuple[bool, list[dict[str, Any]]]] = []
    for line in map(json.loads, done.stdout.splitlines()):
        if "moment" in line:
            found.append((line["died"], []))
        else:
            found[-1][1].append(line)
    return found


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "way, before, after",
    [("use", "v0001", "v0002"), ("undo", "v0002", "v0001")],
)
def test_a_house_may_die_at_any_moment(tmp_path: Path, way: str, before: str, after: str) -> None:
    earlier = [] if way == "use" else [['"v0002"', ACTOR, "v0001", "v0002"]]
    record = [f'"{after}"', ACTOR, before, after]
    found = moments(way, tmp_path)
    assert [died for died, _ in found] == [True] * (len(found) - 1) + [False]
    assert len(found) > 8
    phases = []
    for _, starts in found:
        first, *later = starts
        for start in starts:
            assert (start["kept"], start["under way"], start["equal"]) == ("[]", 0, True)
        if first["current"] == before:
            assert first["rows"] == earlier
            assert first["told"] == 0
            phases.append("not asked")
        else:
            assert first["current"] == after
            assert first["rows"] == [record, *earlier], "once, by the one who asked"
            phases.append("finished" if first["told"] else "done")
        for second in later:
            assert second == first | {"told": 0}
    assert [phase for phase, _ in groupby(phases)] == ["not asked", "finished", "done"]
    assert phases.count("finished") > 6
