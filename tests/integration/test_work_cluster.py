"""A Dask cluster on loopback as workers: real scheduler, real workers, one of them killed in the middle."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from planted_market import PLATEAU, planted_folder, walk_frame
from work_tasks import Sum, added, met, refused_at_three

from research.sweep.grid import Axis, Grid
from research.sweep.plan import SweepPlan
from research.sweep.run import sweep
from research.sweep.source import known
from research.work import WorkError, open_workers

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")

ROOT = Path(__file__).resolve().parents[2]
PATHS = f"{ROOT}:{ROOT / 'tests' / 'support'}"
RESULTS = {n: n * (n + 1) // 2 for n in range(24)}


def told(file: Path, scheduler: subprocess.Popen[bytes]) -> str:
    """The address that a scheduler has found and written down."""
    end = time.monotonic() + 100
    while True:
        with suppress(OSError, ValueError):
            return str(json.loads(file.read_text())["address"])
        assert scheduler.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)


def dask(*arguments: str, folder: Path) -> subprocess.Popen[bytes]:
    """A process of Dask's own command line."""
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": PATHS},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@contextmanager
def cluster(
    folder: Path, workers: int
) -> Iterator[tuple[str, list[subprocess.Popen[bytes]], subprocess.Popen[bytes]]]:
    """A scheduler and its workers, one thread each, without nannies who would start a killed one again."""
    file = folder / "scheduler.json"
    words = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
    scheduler = dask("scheduler", *words, folder=folder)
    crew: list[subprocess.Popen[bytes]] = []
    try:
        address = told(file, scheduler)
        words = (address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
        crew += [dask("worker", *words, folder=folder) for _ in range(workers)]
        yield address, crew, scheduler
    finally:
        for process in (*crew, scheduler):
            process.kill()
            process.wait()


def joined(address: str, workers: int) -> None:
    """Wait until all workers have joined."""
    from distributed import Client

    end = time.monotonic() + 60
    while True:
        try:
            with Client(address, timeout=5, set_as_default=False) as client:
                client.wait_for_workers(workers, timeout=50)
                return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def test_a_killed_worker_of_a_cluster_loses_no_result(tmp_path: Path) -> None:
    """Two worker processes, one killed -9 in the middle: all results, each once, equal to one process's."""
    tasks = [Sum(n, mark=str(tmp_path / "begun"), slow_s=0.1) for n in range(24)]
    with cluster(tmp_path, 2) as (address, crew, _):
        joined(address, 2)
        got: list[tuple[int, int]] = []
        done_by: set[int] = set()
        with open_workers(cluster=address) as workers:
            assert workers.count == 2
            for index, (total, who) in workers.results(met, tasks):
                got.append((index, total))
                done_by.add(who)
                if len(got) < 24 and done_by == {process.pid for process in crew}:
                    crew[0].kill()
        assert crew[0].wait(60) == -signal.SIGKILL, "both had done something before the end"
    assert len(got) == 24
    with open_workers(1) as alone:
        plain = [Sum(n) for n in range(24)]
        assert dict(got) == {index: total for index, (total, _) in alone.results(added, plain)} == RESULTS


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_sweep_on_a_cluster_that_loses_a_worker_ranks_as_one_on_processes(tmp_path: Path) -> None:
    """Eight symbols, two Dask workers, one killed -9 in the middle: the same ranking, walk-forward and verdicts."""
    folder = planted_folder(tmp_path / "own", PLATEAU)
    axes = (Axis("a", (0, 1, 2, 3, 4)), Axis("b", (0, 1, 2, 3, 4)))
    plan = SweepPlan("planted", Grid(axes), strategy_paths=(str(folder),), windows=("10d", "5d"))
    marks = [known(walk_frame(f"C{seed}USDT", 2_500, seed)) for seed in range(8)]
    with cluster(tmp_path, 2) as (address, crew, _):
        joined(address, 2)

        def killing(done: int, whole: int) -> None:
            if done >= whole * 3 // 10:
                crew[0].kill()

        with open_workers(cluster=address) as workers:
            found = sweep(plan, marks, workers, killing)
            assert crew[0].wait(60) == -signal.SIGKILL
            assert workers.count == 1
            joint = sweep(replace(plan, combined=True), marks, workers)
    with open_workers(2) as processes:
        assert sweep(plan, marks, processes).sections == found.sections
        assert sweep(replace(plan, combined=True), marks, processes).sections == joint.sections
    assert len(found.sections) == 8
    assert [len(section.order) for section in found.sections] == [25] * 8
    assert joint.sections[0].best is not None


def test_what_a_task_raises_there_is_raised_here(tmp_path: Path) -> None:
    with cluster(tmp_path, 1) as (address, _, _):
        joined(address, 1)
        with open_workers(cluster=address) as workers, pytest.raises(ValueError, match="three is refused"):
            list(workers.results(refused_at_three, [Sum(n) for n in range(6)]))


def test_a_scheduler_that_goes_away_is_told_in_one_line(tmp_path: Path) -> None:
    with cluster(tmp_path, 1) as (address, _, scheduler):
        joined(address, 1)

        def killing() -> None:
            for index, _ in workers.results(added, [Sum(n, slow_s=0.05) for n in range(200)]):
                if index == 2:
                    scheduler.kill()

        with (
            open_workers(cluster=address) as workers,
            pytest.raises(WorkError, match="its scheduler went away"),
        ):
            killing()


def test_a_cluster_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("research.work.cluster.CONNECT_S", 1)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # held, so that nobody else listens there meanwhile
        address = f"tcp://127.0.0.1:{deaf.getsockname()[1]}"
        says = f"--cluster {address}: no Dask scheduler answers there within 1 s"
        with pytest.raises(WorkError, match=says), open_workers(cluster=address):
            pass


@pytest.mark.parametrize("address", ["localhost", "http://127.0.0.1:8786", "tcp://127.0.0.1", "tcp://:1\nx"])
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(WorkError, match="allowed: tcp://HOST:PORT"), open_workers(cluster=address):
        pass


def test_without_dask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    says = r"install quarterdeck\[cluster\]"
    with pytest.raises(WorkError, match=says), open_workers(cluster="tcp://127.0.0.1:8786"):
        pass
