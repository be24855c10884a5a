"""Output that does not fit is an error, never half a document and a good end."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = """
import sys
from cli.streams import steady_streams
steady_streams()
sys.stdout.buffer.write(b"x" * 300_000)
sys.stdout.flush()
"""


def room_for_100_000_bytes() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))


@pytest.mark.parametrize("options", [(), ("-u",)])
def test_a_document_that_does_not_fit_is_an_error(tmp_path: Path, options: tuple[str, ...]) -> None:
    with (tmp_path / "out").open("wb") as out:
        done = subprocess.run(
            [sys.executable, *options, "-c", CODE],
            cwd=ROOT,
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            preexec_fn=room_for_100_000_bytes,
        )
    assert done.returncode != 0
    assert "File too large" in done.stderr


def test_a_document_that_fits_comes_whole() -> None:
    done = subprocess.run([sys.executable, "-u", "-c", CODE], cwd=ROOT, capture_output=True, check=True)
    assert done.stdout == b"x" * 300_000
