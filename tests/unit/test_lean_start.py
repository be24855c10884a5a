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
