"""Workers as processes: the same results whoever does them, and none lost when a worker is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from work_tasks import Sum, added, deadly_at_three, deadly_once, met, refused_at_three

from research.work import WorkError, Workers, open_workers, processes

ROOT = Path(__file__).resolve().parents[2]
SUPPORT = ROOT / "tests" / "support"


def done(workers: Workers, tasks: list[Sum]) -> dict[int, int]:
    return {index: result[0] for index, result in workers.results(added, tasks)}


def test_processes_answer_as_one() -> None:
    tasks = [Sum(number) for number in range(40)]
    with open_workers(1) as alone, open_workers(2) as two:
        assert done(alone, tasks) == done(two, tasks) == {n: n * (n + 1) // 2 for n in range(40)}
        assert two.count == 2


def test_two_processes_share_and_neither_is_this_one(tmp_path: Path) -> None:
    tasks = [Sum(n, mark=str(tmp_path / "begun")) for n in range(8)]
    with open_workers(2) as workers:
        found = [who for _, (_, who) in workers.results(met, tasks)]
    assert os.getpid() not in found
    assert len(set(found)) == 2


def test_short_work_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a number of workers, work of less than a second starts no process; a second is a minute here."""
    assert processes.PATIENCE_S == 1.0
    monkeypatch.setattr(processes, "PATIENCE_S", 60.0)
    with open_workers() as workers:
        assert {who for _, (_, who) in workers.results(added, [Sum(n) for n in range(50)])} == {os.getpid()}


def test_long_work_is_spread_without_being_asked() -> None:
    with open_workers() as workers:
        if workers.count == 1:
            pytest.skip("one core")
        found = [who for _, (_, who) in workers.results(added, [Sum(n, slow_s=0.3) for n in range(10)])]
    assert os.getpid() in found
    assert len(set(found)) > 1


def test_what_a_task_raises_is_raised_here() -> None:
    with open_workers(2) as workers, pytest.raises(ValueError, match="three is refused"):
        list(workers.results(refused_at_three, [Sum(n) for n in range(6)]))


def test_a_task_that_ended_its_worker_once_is_done_by_another(tmp_path: Path) -> None:
    tasks = [Sum(n, mark=str(tmp_path / "ended")) for n in range(12)]
    with open_workers(2) as workers:
        assert dict(workers.results(deadly_once, tasks)) == {n: n for n in range(12)}
    assert (tmp_path / "ended").exists()


def test_a_task_that_always_ends_its_worker_is_named_and_the_others_are_done() -> None:
    got: dict[int, int] = {}
    with open_workers(2) as workers, pytest.raises(WorkError, match=r"task 4 of 6 \(sum to 3\).* 3 times"):
        got.update(workers.results(deadly_at_three, [Sum(n) for n in range(6)]))
    assert 3 not in got
    assert {0, 1, 2} <= set(got)


def test_a_killed_worker_loses_nothing(tmp_path: Path) -> None:
    """kill -9 from outside in the middle: every result comes, once, and equals that of one process."""
    mark = tmp_path / "begun"
    tasks = [Sum(n, mark=str(mark), slow_s=0.1) for n in range(16)]
    got: list[tuple[int, int]] = []
    with open_workers(2) as workers:
        for index, (total, who) in workers.results(added, tasks):
            got.append((index, total))
            if len(got) == 4:
                os.kill(who, signal.SIGKILL)
    assert sorted(got) == [(n, n * (n + 1) // 2) for n in range(16)]


def test_workers_do_not_outlive_whoever_started_them(tmp_path: Path) -> None:
    """Whoever opened the workers is killed -9: a moment later the workers are gone too."""
    mark = tmp_path / "begun"
    script = tmp_path / "starter.py"
    script.write_text(
        "from work_tasks import Sum, added\nfrom research.work import open_workers\n"
        "if __name__ == '__main__':\n"
        "    with open_workers(2) as workers:\n"
        f"        list(workers.results(added, [Sum(n, mark={str(mark)!r}, slow_s=60) for n in range(2)]))\n"
    )
    starter = subprocess.Popen(
        [sys.executable, str(script)], env={**os.environ, "PYTHONPATH": f"{ROOT}:{SUPPORT}"}
    )
    try:
        found = _until(lambda: len(mark.read_text().splitlines()) == 2 if mark.exists() else False, 60)
        assert found
    finally:
        starter.kill()
        starter.wait()
    crew = [int(line.split()[0]) for line in mark.read_text().splitlines()]
    assert _until(lambda: not any(_alive(who) for who in crew), 60)


@pytest.mark.parametrize("count", [-1, 257])
def test_a_count_that_makes_no_sense_is_refused(count: int) -> None:
    with pytest.raises(WorkError, match="allowed: 1 to 256"), open_workers(count):
        pass


def _alive(who: int) -> bool:
    stat = Path(f"/proc/{who}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def _until(true: object, seconds: float) -> bool:
    assert callable(true)
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
