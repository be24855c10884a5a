"""`quarterdeck sweep`, `compare`, `sizing` in processes of their own: one JSON document, one clear line, kill -9."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from planted_market import COIN, GRID, PLATEAU, planted_folder, walk_frame, write_csv
from processes import command, environ, quarterdeck, slip

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def market(tmp_path: Path) -> Path:
    """Two symbols as files, a strategy, a grid, and a configuration that names them."""
    (tmp_path / "candles").mkdir()
    for seed, name in enumerate(("AUSDT", "BUSDT")):
        write_csv(tmp_path / "candles", walk_frame(name, 4_000, seed))
    planted_folder(tmp_path / "own", PLATEAU)
    (tmp_path / "grid.yaml").write_text(GRID)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.yaml").write_text(f"strategy_paths: [{tmp_path / 'own'}]\n")
    return tmp_path


def words(market: Path, *more: str) -> tuple[str, ...]:
    grid = ("--grid", str(market / "grid.yaml"), "--strategy", "planted", "--walk-forward", "10d/5d")
    return ("sweep", *grid, "--candles", str(market / "candles"), *more)


def test_a_sweep_as_one_json_document(market: Path) -> None:
    picture, page = market / "heat.png", market / "page.html"
    done = quarterdeck(
        *words(market, "--combined", "--json", "--picture", str(picture), "--html", str(page)),
        home=market / "home",
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["sweep"]["symbols"] == ["AUSDT", "BUSDT"]
    section = found["sections"][0]
    assert len(section["ranking"]) == 25
    assert section["best"]["rank"] == 1
    assert section["best"]["trades"] == sum(one["trades"] for one in section["best_by_symbol"].values())
    assert set(found["run"]["data"]) == {"AUSDT", "BUSDT"}
    assert found["run"]["code"]["sources"]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "data:image/png;base64," in page.read_text()
    kept = json.loads(Path(found["file"]).read_text())
    assert kept["sections"] == found["sections"]
    again = json.loads(quarterdeck(*words(market, "--combined", "--json"), home=market / "home").stdout)
    assert again["sections"] == found["sections"]


def test_a_sweep_killed_in_the_middle_is_resumed(market: Path) -> None:
    """kill -9 after the first symbol: the parts are there, and the end is that of an undisturbed sweep."""
    for seed in range(2, 10):
        write_csv(market / "candles", walk_frame(f"C{seed}USDT", 4_000, seed))
    home, calm = market / "home", market / "calm"
    calm.mkdir()
    (calm / "config.yaml").write_text((home / "config.yaml").read_text())
    run = words(market, "--workers", "1", "--json")
    process = subprocess.Popen(
        command(*run, home=home),
        cwd=ROOT,
        env=environ(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + 60
    while process.poll() is None and not list(home.glob("results/sweeps/*/*.part")):
        assert time.monotonic() < end
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not list(home.glob("results/sweeps/*.json")), "it was over before it was killed"
    resumed = json.loads(quarterdeck(*run, "--resume", home=home).stdout)
    whole = json.loads(quarterdeck(*run, home=calm).stdout)
    assert resumed["resumed"] >= 1
    assert resumed["sections"] == whole["sections"]
    assert [path.suffix for path in (home / "results" / "sweeps").iterdir()] == [".json"]


def test_slips_are_one_clear_line(market: Path) -> None:
    home = market / "home"
    for more, says in (
        (("--set", "a=2"), "--set a: is in the grid, too"),
        (("--walk-forward", "3x"), "walk-forward '3x' is not allowed"),
        (("--least", "0"), "--least 0 is not allowed"),
        (("--cluster", "localhost"), "allowed: tcp://HOST:PORT"),
        (("--workers", "999"), "workers 999 is not allowed"),
        (("--from", "2024-01-01", "--to", "2023-01-01"), "is not before"),
        (("--grid", "nowhere.yaml"), "there is no such file"),
    ):
        assert says in slip(quarterdeck(*words(market, *more), home=home)), more
    assert "XUSDT" in slip(quarterdeck("sweep", "XUSDT", *words(market)[1:], home=home))


def test_compare_and_sizing(market: Path) -> None:
    home, candles = market / "home", str(market / "candles")
    done = quarterdeck(
        "compare",
        "--candles",
        candles,
        "--strategy",
        "planted",
        "--set",
        "edge: a=0 b=0",
        "--json",
        home=home,
    )
    assert done.returncode == 0, done.stderr
    production, edge = json.loads(done.stdout)["candidates"]
    assert (production["name"], edge["name"], edge["parameters"]) == ("production", "edge", {"a": 0, "b": 0})
    assert production["profit_factor"] > edge["profit_factor"]
    assert production["net"] == pytest.approx(sum(production["net_by_symbol"].values()))
    assert "nothing to compare" in slip(
        quarterdeck("compare", "--candles", candles, "--strategy", "planted", home=home)
    )
    sized = quarterdeck(
        "sizing", "--candles", candles, "--strategy", "planted", "--paths", "500", "--json", home=home
    )
    assert sized.returncode == 0, sized.stderr
    found = json.loads(sized.stdout)["sizing"]
    assert found["unit"] == "risk"
    assert found["suggested_risk"] > 0
    assert "--tolerance" in slip(
        quarterdeck("sizing", "--candles", candles, "--tolerance", "much", home=home)
    )


def test_noise_is_said_on_the_terminal(market: Path) -> None:
    planted_folder(market / "noise", COIN)
    (market / "home" / "config.yaml").write_text(f"strategy_paths: [{market / 'noise'}]\n")
    done = quarterdeck(*words(market, "--combined"), home=market / "home")
    assert done.returncode == 0, done.stderr
    assert any(line.startswith("! ") for line in done.stdout.splitlines()), done.stdout
