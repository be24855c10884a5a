"""The house keeps its rules: sizes, docstrings, purity, approval as a type, no secrets, rooms under contract."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("bot", "strategies", "handlers", "storage", "research", "sandbox", "dashboard", "cli")
FILES = sorted(
    path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "__pycache__" not in path.parts
)
PURE = ("bot/domain", "bot/engine", "bot/risk", "bot/market", "bot/venues/matching", "strategies/composite")


def tree(path: Path) -> ast.Module:
    """The file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to its end."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_functions_are_short() -> None:
    """Median at most 10 lines, nine in ten at most 30, none over 50."""
    found = [
        (length(node), f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
        for path in FILES
        for node in functions(path)
    ]
    sizes = sorted(size for size, _ in found)
    assert median(sizes) <= 10
    assert sizes[int(len(sizes) * 0.9)] <= 30
    assert [name for size, name in found if size > 50 and "/versions/" not in name] == []


def test_files_are_of_a_size_that_reads_in_one_sitting() -> None:
    """At most 400 lines."""
    long = [str(path.relative_to(ROOT)) for path in FILES if len(path.read_text().splitlines()) > 400]
    assert [name for name in long if "/versions/" not in name] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_classes_say_what_they_are(path: Path) -> None:
    """Docstrings on every module and public class."""
    module = tree(path)
    assert ast.get_docstring(module), "module without a docstring"
    classes = [node for node in ast.walk(module) if isinstance(node, ast.ClassDef)]
    assert [
        node.name for node in classes if not node.name.startswith("_") and not ast.get_docstring(node)
    ] == []


def test_only_risk_approves() -> None:
    """Approved(...) is written in bot/risk/approval.py alone."""
    makers = set()
    for path in FILES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Approved":
                makers.add(str(path.relative_to(ROOT)))
    assert makers == {"bot/risk/approval.py"}


def test_the_pure_part_is_synchronous() -> None:
    """No async function in the pure rooms."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in FILES
        if str(path.relative_to(ROOT)).startswith(PURE)
        for node in functions(path)
        if isinstance(node, ast.AsyncFunctionDef)
    ]
    assert found == []


def test_modes_are_named_in_the_composition_root_only() -> None:
    """No branch on live, paper or demo below cli."""
    asks = re.compile(
        r"(if|elif|while|match)\b.*\b(mode)\b.*(==|is|in)\s*.*(live|paper|demo|testnet)", re.IGNORECASE
    )
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in FILES
        if path.relative_to(ROOT).parts[0] not in {"cli"} and "config" not in path.parts
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if asks.search(line)
    ]
    assert found == []


def test_nothing_is_swallowed() -> None:
    """No `except Exception: pass`."""
    found = []
    for path in FILES:
        for node in ast.walk(tree(path)):
            broad = isinstance(node, ast.ExceptHandler) and getattr(node.type, "id", "Exception") in {
                "Exception",
                "BaseException",
            }
            if broad and all(isinstance(step, ast.Pass) for step in node.body):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert found == []


def test_pickle_stays_outside() -> None:
    """Nothing of ours reads or writes pickles."""
    found = [
        str(p.relative_to(ROOT))
        for p in FILES
        if re.search(r"^\s*(import|from) (pickle|joblib|dill)", p.read_text(), re.M)
    ]
    assert found == []


def tracked() -> list[Path]:
    """Files git knows; the whole tree where there is no git."""
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    return [ROOT / name for name in done.stdout.splitlines()] if done.returncode == 0 else FILES


def test_no_registry_address_or_lock_with_addresses() -> None:
    """Locks hold names, versions and hashes; no address of a package registry stands in any file."""
    names = {path.name for path in tracked()}
    assert not names & {"uv.lock", "poetry.lock", "package-lock.json"}
    registry = re.compile(
        "files." + "pythonhosted|" + "pypi" + r"\.org|registry\." + "npmjs|--(extra-)?index-" + "url"
    )
    found = [
        str(path.relative_to(ROOT))
        for path in tracked()
        if path.suffix in {".txt", ".toml", ".md", ".yaml", ".py", ".in", ""} and path.is_file()
        if registry.search(
            path.read_text(encoding="utf-8", errors="replace").replace("--no-emit-index-" + "url", "")
        )
    ]
    assert found == []


def test_every_room_is_known_to_the_import_linter() -> None:
    """A room that exists is under the contracts."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    known = set(config["tool"]["importlinter"]["root_packages"])
    there = {room for room in ROOMS if (ROOT / room / "__init__.py").exists()}
    assert there == known


def test_the_contracts_hold() -> None:
    """import-linter, as part of the tests."""
    linter = ROOT / ".venv" / "bin" / "lint-imports"
    done = subprocess.run([str(linter), "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
