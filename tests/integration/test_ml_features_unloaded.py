"""A desk without models loads neither the compiler nor a learning library; what is compiled is kept on disk."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {
    "numba",
    "llvmlite",
    "lightgbm",
    "onnxruntime",
    "sklearn",
    "optuna",
    "bot.ml.arrays",
    "bot.ml.structure_arrays",
}

DEMO = """
import sys
from cli.main import main
sys.argv = ["quarterdeck", "demo", "--bars", "30", "--seed", "3", "--home", sys.argv[1], "--json"]
try:
    main()
except SystemExit as ended:
    print("ended", ended.code)
print("loaded", sorted(sys.modules))
"""

COMPILED = """
from bot.ml import arrays, compiling, structure_arrays
compiling.load()
compiling.load()
for module in (arrays, structure_arrays):
    for name, kernel in vars(module).items():
        if getattr(kernel, "__module__", "") == module.__name__ and getattr(kernel, "signatures", ()):
            print(name, len(kernel.signatures), sum(kernel.stats.cache_misses.values()))
"""


def said(code: str, *words: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_demo_loads_no_compiler(tmp_path: Path) -> None:
    told = said(DEMO, str(tmp_path / "home"))
    assert "ended 0" in told
    loaded = set(eval(told[-1].removeprefix("loaded ")))
    assert "bot.runtime.simulation" in loaded or "bot.engine.engine" in loaded
    assert not loaded & HEAVY


def test_the_features_are_listed_without_the_compiler() -> None:
    told = said("import sys, bot.ml.registry as all; print(len(all.FEATURES)); print(sorted(sys.modules))")
    assert told[0] == "68"
    assert not set(eval(told[1])) & HEAVY


def test_what_was_compiled_once_is_not_compiled_again() -> None:
    """Every kernel has one signature, found on disk by the next process."""
    said(COMPILED)
    kernels = [line.split() for line in said(COMPILED)]
    assert {name for name, _, _ in kernels} >= {"indicators", "zscores", "known_at", "legs", "higher"}
    assert all(signatures == "1" and missed == "0" for _, signatures, missed in kernels), kernels
