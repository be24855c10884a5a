"""kill -9 of a whole desk while a worker trains for it: nothing half-written is ever used, and it trains again."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import training_house
from training_house import CONFIG, HISTORY, XRP
from whole_house import whole_house

from bot.ml import files
from bot.ml.loaded import load_model

SUPPORT = Path(training_house.__file__).parent


def is_alive(pid: int) -> bool:
    """Whether a process still runs; one that has ended and waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def killed(home: Path) -> None:
    """A desk that was killed in the middle of a training, and its worker that has ended by itself."""
    path = os.pathsep.join([str(SUPPORT.parents[1]), str(SUPPORT)])
    running = subprocess.Popen(
        [sys.executable, "-W", "ignore", str(SUPPORT / "training_house.py"), str(home)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": path},
        cwd=SUPPORT.parents[1],
    )
    assert running.stdout is not None
    worker = int(running.stdout.readline())
    running.kill()
    running.wait()
    running.stdout.close()
    until_s = time.monotonic() + 120
    while is_alive(worker) and time.monotonic() < until_s:
        time.sleep(0.1)
    assert not is_alive(worker), "nobody listens to it"


@pytest.mark.timeout(300)
async def test_a_desk_dies_while_it_trains(tmp_path: Path) -> None:
    killed(tmp_path)
    folder = tmp_path / "models" / "metronome" / "XRPUSDT"
    there = [one.name for one in folder.glob("v*")]
    for version in there:
        load_model(folder / version)
    async with whole_house(tmp_path, [XRP], CONFIG, history=HISTORY) as desk:
        assert files.current_version(folder) is None
        assert "Nothing waits" in await desk.say("/proposals")
        await desk.say("/retrain xrp")
        said = await desk.say("Confirm")
        assert f"model metronome/XRPUSDT v{len(there) + 1:04d}" in said
        assert not (folder / ".new").exists()
