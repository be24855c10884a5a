"""`quarterdeck ml` where files are pipes, devices, names without end: one line, and nothing is replaced."""

import os
from pathlib import Path

import pytest
from test_trials_house import PLACE, install
from typed_ml import slip, typed, walk

from research.results.files import ResultFileError, write_whole

BARS = 1_200


@pytest.fixture
def candles(tmp_path: Path) -> str:
    frame = walk(1, "XRPUSDT", BARS)
    path = tmp_path / "XRPUSDT.csv"
    columns = zip(frame.open_at_ms, frame.open, frame.high, frame.low, frame.close, frame.volume, strict=True)
    lines = ("XRPUSDT,15m," + ",".join(f"{float(value):.10g}" for value in row[1:]) for row in columns)
    times = frame.open_at_ms.tolist()
    rows = (line.replace("15m,", f"15m,{at_ms},", 1) for at_ms, line in zip(times, lines, strict=True))
    path.write_text("\n".join(["symbol,timeframe,open_time,open,high,low,close,volume", *rows]) + "\n")
    return str(path)


@pytest.mark.parametrize("option", ["--phantoms", "--sweep", "--tuned", "--candles"])
def test_a_pipe_is_waited_for_by_nobody(tmp_path: Path, candles: str, option: str) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    given = [option, str(pipe)] if option == "--candles" else ["--candles", candles, option, str(pipe)]
    assert "is no plain file" in slip(tmp_path / "home", "train", "XRPUSDT", *given)


def test_a_name_without_end_is_no_file(tmp_path: Path) -> None:
    refused = slip(tmp_path, "train", "XRPUSDT", "--candles", "x" * 5_000)
    assert refused == f"{'x' * 300}: there is no such file or folder"


def test_no_name_is_no_symbol(tmp_path: Path, candles: str) -> None:
    assert "symbol '' is not allowed" in slip(tmp_path, "train", "", "--candles", candles)


def test_an_end_before_all_beginnings_names_both(tmp_path: Path, candles: str) -> None:
    refused = slip(tmp_path, "train", "XRPUSDT", "--candles", candles, "--to", "1969-01-01")
    assert refused == "--from 1970-01-01 is not before --to 1969-01-01"


@pytest.mark.parametrize("command", ["train", "tune", "ablation", "compare"])
def test_a_seed_that_a_library_would_refuse_is_refused_before(tmp_path: Path, command: str) -> None:
    found = typed(tmp_path, command, "XRPUSDT", "--seed", str(2**32))
    assert found.exit_code == 2
    assert "--seed" in found.output


def test_no_device_is_replaced_by_a_file(tmp_path: Path) -> None:
    install(tmp_path, 0.3, 1, current=True)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    words = ("export-onnx", PLACE[1], "--strategy", PLACE[0], "--out", str(pipe))
    assert slip(tmp_path, *words) == f"{pipe}: is no plain file; allowed: a new file, or one to replace"
    assert pipe.is_fifo()


def test_a_folder_is_not_replaced_and_a_link_leads_to_no_device(tmp_path: Path) -> None:
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir()
    link.symlink_to("/dev/null")
    for path in (folder, link):
        with pytest.raises(ResultFileError, match="is no plain file"):
            write_whole(path, b"x")
    assert link.is_symlink()


@pytest.mark.parametrize("content", [b"\xff", b""])
def test_a_report_that_is_no_text_keeps_no_model_from_its_other_form(tmp_path: Path, content: bytes) -> None:
    install(tmp_path, 0.3, 1, current=True)
    report = tmp_path / "models" / PLACE[0] / PLACE[1] / "v0001" / "report.html"
    report.write_bytes(content)
    found = typed(tmp_path, "export-onnx", PLACE[1], "--strategy", PLACE[0])
    assert found.exit_code == 0, found.output
    assert "v0002" in found.output
