"""Slips on the command line and streams that misbehave: one line, an exit code, never a traceback."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from processes import ROOT, command, environ, quarterdeck, slip

SLIPS = [
    (("demo", "--bars", "-5"), "--bars -5"),
    (("demo", "--bars", "abc"), "--bars"),
    (("demo", "--bars", "2", "--symbols", "0"), "1 to 600"),
    (("demo", "--bars", "2", "--seed", "99999999999999999999"), "--seed"),
    (("demo", "--bars", "2", "--speed", "nan"), "--speed nan"),
    (("demo", "--speed", "inf"), "--speed inf"),
    (("demo", "--speed", "0"), "0.01 to 3_600"),
    (("demo", "--bars", "2", "--at", "²", "/status"), "--at"),
    (("demo", "--bars", "2", "--home", "~nobody-of-this-name/x"), "no such user"),
    (("demo", "--bars", "2", "--home", "/proc/nowhere"), "cannot be used"),
    (("demo", "--bars", "2", "--home", "what?"), "question mark"),
    (("demo", "--nosuch"), "--nosuch"),
    (("nosuch",), "nosuch"),
    (("bench", "engine", "--bars", "0"), "--bars 0"),
    (("bench", "engine", "--symbols", "601"), "--symbols 601"),
]


@pytest.mark.parametrize("arguments,said", SLIPS)
def test_a_slip_is_one_line(arguments: tuple[str, ...], said: str) -> None:
    """What, where, what is allowed."""
    assert said in slip(quarterdeck(*arguments))


def test_a_home_that_cannot_be_written_to_is_named_in_one_line() -> None:
    """A folder of the system that refuses even an administrator."""
    assert "cannot be written to" in slip(quarterdeck("demo", "--bars", "2", "--home", "/proc"))


@pytest.mark.parametrize("sink", ["closed", "full"])
def test_output_that_nobody_takes_is_no_traceback(tmp_path: Path, sink: str) -> None:
    """Standard output closed by the caller, or on a full disk."""
    to = {"closed": ">&-", "full": ">/dev/full"}[sink]
    line = " ".join(command("demo", "--bars", "3", "--exec", "/status", home=tmp_path)) + to
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=ROOT,
        env=environ(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 1
    assert done.returncode == (0 if sink == "closed" else 1)


def test_a_reader_that_leaves_early_is_no_traceback(tmp_path: Path) -> None:
    """`quarterdeck demo ... | head -1`."""
    line = " ".join(command("demo", "--bars", "3", "--exec", "/help", "--exec", "/help", home=tmp_path))
    done = subprocess.run(
        ["bash", "-c", f"{line} | head -1"],
        cwd=ROOT,
        env=environ(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr == ""


def test_a_plain_ascii_world_still_gets_answers_and_json(tmp_path: Path) -> None:
    """LANG=C with everything that would rescue it switched off."""
    ascii_only = {
        "LC_ALL": "POSIX",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONIOENCODING": "ascii",
    }
    done = quarterdeck("demo", "--bars", "3", "--exec", "/status", home=tmp_path, **ascii_only)
    assert done.returncode == 0
    assert done.stderr == ""
    done = quarterdeck("demo", "--bars", "3", "--exec", "/stätus", "--json", home=tmp_path, **ascii_only)
    assert done.stderr == ""
    assert all(json.loads(line) for line in done.stdout.splitlines())


def test_bytes_that_are_no_text_do_not_deafen_the_console(tmp_path: Path) -> None:
    """What comes after them is still answered, and the end of the pipe still ends the desk."""
    done = subprocess.run(
        command("demo", home=tmp_path),
        cwd=ROOT,
        env=environ(),
        input=b"\xff\xfe\x00\x01\xc3\x28\n/version\n",
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
    assert b"quarterdeck" in done.stdout.lower()
    assert b"saved in" in done.stdout


def test_no_standard_input_at_all_ends_in_order(tmp_path: Path) -> None:
    """Started by something that closed it."""
    line = " ".join(command("demo", home=tmp_path)) + " <&-"
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=ROOT,
        env=environ() | {"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_fault_of_ours_is_one_line_and_the_log_has_it_whole(tmp_path: Path) -> None:
    """Whatever nobody thought of."""
    spoiled = tmp_path / "spoiled.py"
    spoiled.write_text(
        "import sys\nimport cli.demo\n\n\ndef broken(options):\n    raise ZeroDivisionError('unthinkable')\n\n\n"
        "cli.demo.run_demo = broken\nfrom cli.main import main\nmain()\n"
    )
    words = [command()[0], str(spoiled), "demo", "--bars", "1", "--home", str(tmp_path)]
    done = subprocess.run(
        words,
        cwd=ROOT,
        env=environ(PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "ZeroDivisionError" in done.stderr
    assert "unthinkable" not in done.stderr
    assert "unthinkable" in (tmp_path / "logs" / "quarterdeck.log").read_text()
