"""A second terminal speaks to a running desk: nothing but the home stands between a person and a panic."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import quarterdeck, running, slip

CONFIG = "mode: demo\nvenue: {name: paper}\ndemo: {symbols: 3, seconds_per_bar: 0.05}\n"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of a desk that runs as a service does: no terminal, no chat platform."""
    home = tmp_path_factory.mktemp("home")
    (home / "config.yaml").write_text(CONFIG)
    with running(home):
        yield home
    assert not (home / "console.sock").exists()


def test_scripts_ask_and_command(desk: Path) -> None:
    """One line per reply with --json; --yes presses Confirm; the exit code says whether all was done."""
    done = quarterdeck(
        "console", "--json", "--exec", "/status", "--exec", "/stop_trading", "--yes", home=desk
    )
    assert done.returncode == 0, done.stderr
    status, card, stopped = (json.loads(line) for line in done.stdout.splitlines())
    assert status["name"] == "status"
    assert [button["label"] for button in card["buttons"]][:1] == ["Confirm"]
    assert stopped["ok"]
    assert stopped["changes"]
    panic = quarterdeck("console", "--exec", "/panic_close now", home=desk)
    assert panic.returncode == 0
    assert "flat, verified with the venue" in panic.stdout
    assert quarterdeck("console", "--exec", "/close NOPEUSDT", home=desk).returncode == 1


def test_a_pipe_is_answered_line_by_line(desk: Path) -> None:
    """Typed lines, numbers of buttons among them, until the end or a word of leave."""
    done = quarterdeck("console", typed="/version\n/pause all\n/set_risk 7\n2\nexit\n", home=desk)
    assert done.returncode == 0
    said = done.stdout
    assert said.index("Quarterdeck") < said.index("Confirm") < said.index("Cancelled")


def test_only_the_owner_gets_in(desk: Path) -> None:
    """The socket is the owner's alone, and what is no JSON gets one clear line."""
    assert (desk / "console.sock").stat().st_mode & 0o777 == 0o600
    import socket

    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(os.fspath(desk / "console.sock"))
        wire.sendall(b"\xff{]\n[]\n" + json.dumps({"line": "/version", "width": "wide"}).encode() + b"\n")
        said = wire.makefile().readline(), wire.makefile().readline()
    assert "a line of JSON" in said[0]
    assert said[1]


def test_without_a_desk_one_clear_line(tmp_path: Path) -> None:
    """Nobody runs there."""
    assert "no desk runs on" in slip(quarterdeck("console", "--exec", "/status", home=tmp_path))
