"""Commands whose files cannot be written: the result is shown all the same, lines say what is missing, exit code 1."""

import json
from pathlib import Path

import pytest
from outcomes import random_frame
from typed_backtest import write
from typer.testing import CliRunner, Result

from cli.main import app

QUICK = {
    "sweep": ("--grid", "{grid}", "--walk-forward", "20d/10d"),
    "tune": ("--range", "atr_sl_mult=1:3", "--trials", "2", "--walk-forward", "20d/10d"),
    "compare": ("--set", "wide: atr_sl_mult=2"),
    "sizing": ("--paths", "200"),
}
FIXED = ("--set", "signal_threshold=2", "adx_threshold=0", "volume_multiplier=1")


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Candles of one symbol and a small grid."""
    folder = tmp_path_factory.mktemp("market")
    write(folder, random_frame(31, 6_000, "BTCUSDT"))
    (folder / "grid.yaml").write_text("atr_sl_mult: [1, 2]\n")
    return folder


def typed(home: Path, market: Path, command: str, *more: str) -> Result:
    """The command as typed, in this process."""
    own = tuple(word.replace("{grid}", str(market / "grid.yaml")) for word in QUICK[command])
    fixed = () if command == "compare" else FIXED
    ground = ("--candles", str(market / "BTCUSDT.parquet"), "--strategy", "composite", "--home", str(home))
    return CliRunner().invoke(app, [command, *ground, *fixed, *own, *more])


FOLDERS = {"tune": "tuning", "compare": "compare", "sizing": "sizing"}


@pytest.mark.parametrize("command", FOLDERS)
@pytest.mark.parametrize("json_asked", [True, False], ids=["json", "terminal"])
def test_a_result_that_cannot_be_kept_is_shown(
    tmp_path: Path, market: Path, command: str, json_asked: bool
) -> None:
    """A file lies where the results' folder should be."""
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / FOLDERS[command]).write_text("a file")
    done = typed(tmp_path, market, command, *(("--json",) if json_asked else ()))
    assert done.exit_code == 1, (done.output, done.exception)
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"the result was not kept: {tmp_path / 'results' / FOLDERS[command]}")
    assert line.endswith(" is no folder")
    if json_asked:
        content = json.loads(done.stdout)
        assert content["file"] is None
        assert content["run"]["command"] == command
    else:
        assert done.stdout.count("\n") > 3
        assert "Result:" not in done.stdout


@pytest.mark.parametrize(
    "command, option, what",
    [("sweep", "--picture", "picture"), ("sweep", "--html", "page"), ("sizing", "--picture", "picture")],
)
def test_a_picture_that_cannot_be_written_takes_nothing_from_the_result(
    tmp_path: Path, market: Path, command: str, option: str, what: str
) -> None:
    """The result is kept and named, one line says what is not there."""
    place = market / "grid.yaml" / "drawn"
    done = typed(tmp_path, market, command, option, str(place), "--json")
    assert done.exit_code == 1, (done.output, done.exception)
    assert (
        done.stderr
        == f"the {what} was not written: {place}: cannot be written: {place.parent} is no folder\n"
    )
    content = json.loads(done.stdout)
    assert json.loads(Path(content.pop("file")).read_text()).items() <= content.items()


def test_help_shows_what_is_in_brackets() -> None:
    """Words in square brackets are markup unless escaped, and would be left out."""
    shown = CliRunner().invoke(app, ["sweep", "--help"], env={"COLUMNS": "200"}, terminal_width=200)
    assert "[values]" in shown.output
