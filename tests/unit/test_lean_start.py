"""Commands that leave unused libraries out: theirs only, for our strategies only, and Arrow still reads every file."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = """
import sys
sys.argv[0] = {argv!r}
from cli.research.lean_start import lean
with lean({strategy!r}) as without:
    import pyarrow as pa
    import pyarrow.compute as pc
    text = pc.not_equal(pa.chunked_array([["", "a"]]), "").to_pylist()
    import talib, numba
    read = sorted(name for name in ("pandas", "scipy", "cffi") if name in sys.modules)
    try:
        import pandas
        found = True
    except ImportError:
        found = False
import pandas, scipy
print(without, text, read, found)
"""


def said(argv: str, strategy: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(argv=argv, strategy=strategy)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_nothing_unused_is_read_for_a_strategy_of_ours() -> None:
    assert said("/somewhere/quarterdeck", "composite") == "True [False, True] [] False"


def test_strategies_of_users_and_other_processes_have_everything() -> None:
    for argv, strategy in (("/somewhere/quarterdeck", "theirs"), ("/somewhere/pytest", "composite")):
        assert said(argv, strategy).startswith("False [False, True]")
        assert said(argv, strategy).endswith("True")


TEXT_TIMES = """
import sys
from pathlib import Path
sys.argv[0] = "/somewhere/quarterdeck"
from cli.research.lean_start import lean
with lean("composite"):
    from research.history import read_candles
    history = read_candles([Path({path!r})])
    print(history.frames["BTCUSDT"].open_at_ms.tolist(), "pandas" in sys.modules)
"""


def test_candles_with_times_as_text_are_read_without_what_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "BTCUSDT.csv"
    rows = [f"2023-01-01 00:{minute}:00,1,1,1,1,5" for minute in ("00", "15", "30")]
    file.write_text("\n".join(("timestamp,open,high,low,close,volume", *rows)))
    done = subprocess.run(
        [sys.executable, "-c", TEXT_TIMES.format(path=str(file))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[1672531200000, 1672532100000, 1672533000000] False"
