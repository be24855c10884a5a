"""Several accounts in one process, commanded through one chat: named, routed, apart, and none dies of another."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from processes import ask, quarterdeck, running, slip

CONFIG = """
mode: demo
name: {name}
venue: {{name: paper}}
demo: {{symbols: 3, seconds_per_bar: 0.2, seed: {seed}}}
desks: [{desks}]
"""


def write_home(home: Path, name: str, seed: int, desks: str = "") -> None:
    home.mkdir(exist_ok=True)
    (home / "config.yaml").write_text(CONFIG.format(name=name, seed=seed, desks=desks))


def until(home: Path, line: str, holds: str) -> dict[str, Any]:
    """Ask until the reply holds a text."""
    said: dict[str, Any] = {}
    for _ in range(300):
        (said,) = ask(home, line)
        if holds in json.dumps(said):
            return said
        time.sleep(0.3)
    raise AssertionError(said)


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A process that runs two accounts."""
    main, side = tmp_path / "main", tmp_path / "side"
    write_home(side, "side", 11)
    write_home(main, "main", 7, str(side))
    with running(main):
        yield main, side


def test_each_account_answers_for_itself(homes: tuple[Path, Path]) -> None:
    """Without a name the first one is meant; what is done to one is not done to the other."""
    main, _ = homes
    until(main, "/mode account=side", "paper:demo:side")
    first, side = ask(main, "/mode", "/mode account=side")
    assert "paper:demo:main" in json.dumps(first)
    assert "main" in str(first["title"])
    assert "side" in str(side["title"])
    ask(main, "/pause all account=side")
    paused, going = ask(main, "/status account=side", "/status")
    assert "ON for all" in json.dumps(paused)
    assert "ON for all" not in json.dumps(going)
    (unknown,) = ask(main, "/status account=nobody")
    assert unknown["ok"] is False
    assert [button["label"] for button in unknown["buttons"]] == ["main", "side"]


def test_one_that_dies_is_told_and_comes_back_alone(homes: tuple[Path, Path]) -> None:
    """Its database is destroyed under it: the first account goes on, the other one starts again.

    The file of shared memory beside it stays: memory that is cut off kills every process that looks at it.
    """
    main, side = homes
    until(main, "/mode account=side", "paper:demo:side")
    for name in ("quarterdeck.db", "quarterdeck.db-wal"):
        (side / name).write_bytes(b"no database any more" * 500)
    until(main, "/status account=side", "CANNOT BE WRITTEN")
    (first,) = ask(main, "/status")
    assert first["ok"]
    assert "CANNOT BE WRITTEN" not in json.dumps(first)


def test_slips_are_told_at_the_start(tmp_path: Path) -> None:
    """The same name, the same home, a home without a file, a route to nobody: one line, nothing runs."""
    main, side = tmp_path / "main", tmp_path / "side"
    write_home(main, "main", 7, str(side))
    write_home(side, "main", 8)
    assert "another account's name" in slip(quarterdeck("run", home=main))
    shutil.rmtree(side)
    assert "no config.yaml of its own" in slip(quarterdeck("run", home=main))
    write_home(side, "side", 8)
    text = (main / "config.yaml").read_text()
    (main / "config.yaml").write_text(text + 'chat: {routes: {"telegram:-1/7": nobody}}\n')
    assert "nobody is not run here" in slip(quarterdeck("run", home=main))
