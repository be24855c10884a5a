"""Groupings of symbols as files, and what bars are told of them: never of one made at their close or later."""

import json
import logging
import os
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from bot.ml import grouping
from bot.ml.feature import BTC_CORRELATION, CLUSTER, CLUSTER_VOLATILITY, CLUSTER_VOLUME, OUTSIDE
from bot.ml.grouping import (
    FOLDER,
    Cluster,
    Grouping,
    Groupings,
    Measures,
    Member,
    counts_from,
    keep_grouping,
    kept_groupings,
    name_of,
    outside_of,
    read_grouping,
)
from bot.ml.model import ModelError

BAR_MS = 900_000
WEEK_MS = 7 * 86_400_000
FIRST_MS = 1_700_000_000_000 // BAR_MS * BAR_MS
CALM = Measures(0.004, 1e8, 0.9, 1.1, 0.2, 0.0001, 1.0)
WILD = Measures(0.02, 1e6, None, None, 0.3, 0.001, 1.25)


def made(
    at_ms: int, calm: tuple[str, ...] = ("BTCUSDT", "ETHUSDT"), wild: tuple[str, ...] = ("XRPUSDT",)
) -> Grouping:
    clusters = (Cluster(0, calm, CALM, "calm"), Cluster(1, wild, WILD, "wild"))
    members = [Member(name, 0, CALM) for name in calm] + [Member(name, 1, WILD) for name in wild]
    ordered = tuple(sorted(members, key=lambda one: one.symbol))
    return Grouping(at_ms, 30, BAR_MS, 2, 0.5, clusters, ordered)


def test_what_is_kept_is_read_back_in_order_of_time(tmp_path: Path) -> None:
    late, early = made(FIRST_MS + WEEK_MS), made(FIRST_MS)
    paths = [keep_grouping(tmp_path, one) for one in (late, early)]
    assert kept_groupings(tmp_path) == (early, late)
    assert [path.parent for path in paths] == [tmp_path / FOLDER] * 2
    assert paths[1].name == "20231114T220000.json"
    assert name_of(FIRST_MS) == "20231114T220000"


def test_what_is_kept_of_a_moment_stays(tmp_path: Path) -> None:
    first, second = made(FIRST_MS), made(FIRST_MS, ("BTCUSDT",), ("ETHUSDT",))
    keep_grouping(tmp_path, first)
    keep_grouping(tmp_path, second)
    assert kept_groupings(tmp_path) == (first,)


def test_only_those_of_the_timeframe_that_a_bar_could_be_told_of(tmp_path: Path) -> None:
    weeks = [made(FIRST_MS + week * WEEK_MS) for week in range(4)]
    for one in (*weeks, replace(made(FIRST_MS + BAR_MS), timeframe_ms=3_600_000)):
        keep_grouping(tmp_path, one)
    assert kept_groupings(tmp_path, BAR_MS) == tuple(weeks)
    assert kept_groupings(tmp_path, BAR_MS, weeks[2].at_ms + 1) == tuple(weeks[2:])
    assert kept_groupings(tmp_path, BAR_MS, weeks[2].at_ms) == tuple(weeks[1:])


@pytest.mark.parametrize(
    "key,value,says",
    [
        ("at_ms", FIRST_MS + BAR_MS, "named after"),
        ("at_ms", 1 << 60, "named after"),
        ("k", 3, "k: 3 with 2 clusters"),
        ("silhouette", 2.0, "silhouette"),
        ("days", 0, "days"),
        ("members", [], "members"),
        ("strange", 1, "strange"),
        ("timeframe_ms", "15m", "timeframe_ms"),
    ],
)
def test_a_broken_file_is_left_out_and_logged_once(
    key: str, value: object, says: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    grouping._logged.clear()
    good = made(FIRST_MS + WEEK_MS)
    keep_grouping(tmp_path, good)
    path = keep_grouping(tmp_path, made(FIRST_MS))
    path.write_text(json.dumps({**json.loads(path.read_bytes()), key: value}))
    with pytest.raises(ModelError, match=says):
        read_grouping(path)
    with caplog.at_level(logging.WARNING):
        assert kept_groupings(tmp_path) == kept_groupings(tmp_path) == (good,)
    assert len([one for one in caplog.records if says in one.getMessage()]) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\x80\x04N.", b"{" * 100_000, b" " * (5 << 20)])
def test_files_that_are_no_grouping_are_left_out(content: bytes, tmp_path: Path) -> None:
    path = keep_grouping(tmp_path, made(FIRST_MS))
    path.write_bytes(content)
    assert kept_groupings(tmp_path) == ()


def test_links_and_other_names_are_not_followed(tmp_path: Path) -> None:
    path = keep_grouping(tmp_path, made(FIRST_MS))
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    (tmp_path / FOLDER / "notes.json").write_text("{}")
    (tmp_path / FOLDER / "20240101T000000.json").mkdir()
    assert kept_groupings(tmp_path) == ()


def test_an_unsound_one_is_not_written(tmp_path: Path) -> None:
    one = made(FIRST_MS, ("BTCUSDT", "XRPUSDT"))
    with pytest.raises(ModelError, match="stands there twice"):
        keep_grouping(tmp_path, one)
    with pytest.raises(ModelError, match="not allowed"):
        keep_grouping(tmp_path, made(FIRST_MS, ("../../etc",)))
    assert not (tmp_path / FOLDER).exists()


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ModelError, match="No space left on device"):
        keep_grouping(tmp_path, made(FIRST_MS))
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == [".lock"]


DYING = """
import os, signal, sys
from pathlib import Path
from bot.ml.grouping import keep_grouping, kept_groupings

root = Path(sys.argv[1])
(found,) = kept_groupings(root)
for step in range(5):
    if os.fork() == 0:
        left = step

        def dies_at(work):
            def done(*words):
                global left
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return work(*words)
            return done

        os.fsync, Path.replace = dies_at(os.fsync), dies_at(Path.replace)
        keep_grouping(root / str(step), found)
        os._exit(0)
    _, status = os.wait()
    kept = kept_groupings(root / str(step))
    print(os.WIFSIGNALED(status), len(kept), kept in ((), (found,)))
    keep_grouping(root / str(step), found)
    assert kept_groupings(root / str(step)) == (found,)
"""


def test_a_writer_killed_at_any_step_leaves_a_whole_one_or_none_and_the_next_writes(tmp_path: Path) -> None:
    keep_grouping(tmp_path, made(FIRST_MS))
    done = subprocess.run(
        [sys.executable, "-c", DYING, str(tmp_path)],
        capture_output=True,
        cwd=Path(__file__).resolve().parents[2],
        timeout=60,
        check=False,
    )
    lines = done.stdout.decode().splitlines()
    assert lines == ["True 0 True", "True 0 True", "True 1 True", "False 1 True", "False 1 True"], done.stderr


def test_bars_are_told_of_the_newest_one_made_before_their_close() -> None:
    first, second = made(FIRST_MS), made(FIRST_MS + 4 * BAR_MS, ("BTCUSDT", "XRPUSDT"), ("ETHUSDT",))
    closes = FIRST_MS + BAR_MS * np.arange(-2, 8)
    told = outside_of((first, second), "XRPUSDT", closes)
    nan = [np.nan] * 3  # a grouping made at the very close is not known at it
    assert set(told) == set(OUTSIDE)
    np.testing.assert_array_equal(told[CLUSTER], [*nan, 1, 1, 1, 1, 0, 0, 0])
    np.testing.assert_array_equal(told[CLUSTER_VOLATILITY], [*nan, *[0.02] * 4, *[0.004] * 3])
    np.testing.assert_array_equal(told[CLUSTER_VOLUME], [*nan, *[1.25] * 4, *[1.0] * 3])
    np.testing.assert_array_equal(told[BTC_CORRELATION], [np.nan] * 7 + [0.9] * 3)


@pytest.mark.parametrize("begin", [-3, 0, 1, 5, 20])
def test_a_window_is_told_the_same_as_the_history_that_holds_it(begin: int, tmp_path: Path) -> None:
    weeks = [made(FIRST_MS + 6 * week * BAR_MS) for week in range(3)]
    for one in weeks:
        keep_grouping(tmp_path, one)
    whole = FIRST_MS + BAR_MS * np.arange(-3, 30)
    part = whole[begin + 3 : begin + 5]
    told, history = (outside_of(weeks, "ETHUSDT", closes) for closes in (part, whole))
    live = Groupings(tmp_path, BAR_MS).outside("ETHUSDT", int(part[-1]))
    for name in OUTSIDE:
        np.testing.assert_array_equal(told[name], history[name][begin + 3 : begin + 5])
        np.testing.assert_array_equal(live.get(name, np.nan), told[name][-1])


def test_a_symbol_that_the_newest_one_does_not_hold_is_in_none() -> None:
    first, second = made(FIRST_MS), made(FIRST_MS + BAR_MS, ("BTCUSDT",), ("ETHUSDT",))
    told = outside_of((first, second), "XRPUSDT", FIRST_MS + BAR_MS * np.arange(1, 4))
    np.testing.assert_array_equal(told[CLUSTER], [1, np.nan, np.nan])
    assert (second.numbers().get("XRPUSDT"), second.numbers().get("ETHUSDT")) == (None, 1)


def test_without_groupings_or_bars_there_is_nothing_to_tell() -> None:
    assert np.isnan(outside_of((), "XRPUSDT", np.arange(3))[CLUSTER]).all()
    assert len(outside_of((made(FIRST_MS),), "XRPUSDT", np.zeros(0, np.int64))[CLUSTER]) == 0


def test_a_desk_finds_new_ones_at_its_next_look(tmp_path: Path) -> None:
    desk = Groupings(tmp_path, BAR_MS)
    assert desk.known_at(1 << 60) is None
    assert desk.outside("XRPUSDT", FIRST_MS) == {}
    keep_grouping(tmp_path, made(FIRST_MS))
    assert desk.known_at(FIRST_MS + 1) == made(FIRST_MS)
    assert desk.known_at(FIRST_MS) is None
    keep_grouping(tmp_path, replace(made(FIRST_MS + BAR_MS), timeframe_ms=60_000))
    assert desk.known_at(FIRST_MS + 2 * BAR_MS) == made(FIRST_MS)


def test_the_folder_is_looked_at_once_for_bars_that_close_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_grouping(tmp_path, made(FIRST_MS))
    looks, listed = [], os.listdir

    def look(folder: Path) -> list[str]:
        looks.append(folder)
        return listed(folder)

    monkeypatch.setattr(os, "listdir", look)
    desk = Groupings(tmp_path, BAR_MS)
    for close_ms in (FIRST_MS + BAR_MS, FIRST_MS + 2 * BAR_MS):
        assert [desk.outside(name, close_ms)[CLUSTER] for name in ("BTCUSDT", "XRPUSDT")] == [0.0, 1.0]
    assert len(looks) == 2
    keep_grouping(tmp_path, made(FIRST_MS + 2 * BAR_MS, ("XRPUSDT",), ("BTCUSDT",)))
    assert desk.outside("BTCUSDT", FIRST_MS + 3 * BAR_MS)[CLUSTER] == 1.0


def test_threads_that_look_at_once_read_a_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first is in the middle of it, and waits a moment for whoever reads beside it."""
    keep_grouping(tmp_path, made(FIRST_MS))
    desk, real, twice = Groupings(tmp_path, BAR_MS), grouping.read_grouping, Event()
    other: list[Future[Grouping | None]] = []
    with ThreadPoolExecutor() as pool:

        def read(path: Path) -> Grouping:
            if other:
                twice.set()
            else:
                other.append(pool.submit(desk.known_at, 1 << 60))
                twice.wait(0.5)
            return real(path)

        monkeypatch.setattr(grouping, "read_grouping", read)
        assert desk.known_at(1 << 60) == made(FIRST_MS)
        assert [one.result() for one in other] == [made(FIRST_MS)]
    assert not twice.is_set()


def test_the_dates_of_all_are_told_without_reading_them(tmp_path: Path) -> None:
    desk = Groupings(tmp_path, BAR_MS)
    assert desk.moments() == ()
    for week in (1, 0):
        keep_grouping(tmp_path, made(FIRST_MS + week * WEEK_MS)).write_text("{")
    (tmp_path / FOLDER / "99999999T999999.json").write_text("{")
    assert desk.moments() == (FIRST_MS, FIRST_MS + WEEK_MS, 0)


def test_one_that_is_ready_counts_from_the_next_bar_on() -> None:
    assert counts_from(FIRST_MS, BAR_MS) == FIRST_MS
    assert counts_from(FIRST_MS + 1, BAR_MS) == counts_from(FIRST_MS + BAR_MS, BAR_MS) == FIRST_MS + BAR_MS
