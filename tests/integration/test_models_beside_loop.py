"""Nothing of the models that takes its time runs on the loop's thread: disk, loading, features, scores, vectors."""

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from model_house import BARS, HISTORY, install
from whole_house import walk, whole_house

from bot.ml import compute, loaded, score, shelf
from research.store.files import FileStore

FRAMES = (walk(1, "XRPUSDT", BARS), walk(2, "BTCUSDT", BARS))
SHADOW = "ml: {mode: shadow}\n"


class Threads:
    """Where things ran: on the loop's thread, or beside it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: Counter[tuple[str, bool]] = Counter()
        self._patch = monkeypatch

    def watch(self, where: object, name: str) -> None:
        real: Callable[..., object] = getattr(where, name)

        def noted(*given: object, **named: object) -> object:
            self.seen[name, threading.current_thread() is threading.main_thread()] += 1
            return real(*given, **named)

        self._patch.setattr(where, name, noted)


async def test_all_of_it_runs_in_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = Threads(monkeypatch)
    watched = {
        "marks": shelf.ModelShelf,
        "load_model": shelf,
        "live_rows": compute,
        "score_batch": score,
        "points": FileStore,
        "read_card": loaded,
    }
    for name, where in watched.items():
        threads.watch(where, name)
    install(tmp_path, 1)
    async with whole_house(tmp_path, FRAMES, SHADOW, history=HISTORY) as desk:
        await desk.bars(2)
        install(tmp_path, 2)
        await desk.bars(2)
        assert desk.house.follower is not None
        await desk.house.follower.catch_up()
        before = dict(threads.seen)
        for words in (
            "/ml",
            "/ml XRPUSDT",
            "/ml_stats",
            "/ml_rankings",
            "/why XRP",
            "/phantoms",
            "/phantom_stats",
        ):
            assert await desk.say(words)
    assert {name for name, _ in before} == set(watched)
    on_the_loop = {name: number for (name, on_loop), number in threads.seen.items() if on_loop}
    installs = {"load_model": 0, "read_card": 2}
    assert all(number <= installs.get(name, 0) for name, number in on_the_loop.items()), on_the_loop
