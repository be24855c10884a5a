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
        (("--both-hit", "path"), "--both-hit path needs --finer"),
        (("--finer", str(market / "candles")), "--both-hit path needs --finer"),
        (("--both-hit", "path", "--finer", str(market / "candles")), "allowed: shorter than 15m"),
        (("--both-hit", "both"), "allowed: stop, target, path"),
        (("--funding", str(funding_file(market, "XUSDT"))), "no rates of AUSDT, BUSDT"),
    ):
        assert says in slip(quarterdeck(*words(market, *more), home=home)), more
    assert "XUSDT" in slip(quarterdeck("sweep", "XUSDT", *words(market)[1:], home=home))


def funding_file(market: Path, *symbols: str) -> Path:
    """A rate of 0.3 % every eight hours."""
    path = market / "funding.csv"
    times = range(1_672_531_200_000, 1_672_531_200_000 + 4_000 * 900_000, 8 * 3_600_000)
    rows = [f"{at_ms},{symbol},0.003" for at_ms in times for symbol in symbols]
    path.write_text("\n".join(["timestamp,symbol,funding_rate", *rows]) + "\n")
    return path


def test_funding_is_paid_in_a_sweep_as_in_its_single_backtest(market: Path) -> None:
    paid = ("--funding", str(funding_file(market, "AUSDT", "BUSDT")))
    home = market / "home"
    with_it, without = (
        json.loads(quarterdeck(*words(market, "--json", *more), home=home).stdout) for more in (paid, ())
    )
    single = ("backtest", "--candles", str(market / "candles" / "AUSDT.csv"), "--strategy", "planted")
    config = ("--config", str(home / "config.yaml"))
    trades = json.loads(quarterdeck(*single, *paid, *config, "--json", home=home).stdout)["trades"]
    net = with_it["sections"][0]["production"]["net"]
    assert net == pytest.approx(sum(one["net_return"] for one in trades), abs=1e-9)
    assert net != pytest.approx(without["sections"][0]["production"]["net"], abs=1e-6)
    assert set(with_it["run"]["funding_sha256"]) == {"AUSDT", "BUSDT"}
    assert with_it["file"] != without["file"]
    assert (with_it["notes"], without["notes"]) == ([], [])
    lines = (market / "funding.csv").read_text().splitlines()
    (market / "funding.csv").write_text("\n".join([*lines[:41], *lines[61:]]) + "\n")
    told = quarterdeck(*words(market, *paid, "--combined"), home=home).stdout
    assert told.count("USDT: no funding rates 2023-01-") == 2, told


@pytest.mark.parametrize("command", ["sweep", "compare", "sizing"])
def test_a_result_is_kept_and_repeated_to_the_digit(market: Path, command: str) -> None:
    """Config, candles' hashes, code and seed are in the file; other candles are named as the cause of a difference."""
    home, candles = market / "home", market / "candles"
    own = {
        "sweep": ("--grid", str(market / "grid.yaml"), "--walk-forward", "10d/5d"),
        "compare": ("--set", "edge: a=0 b=0"),
        "sizing": ("--paths", "500", "--seed", "7"),
    }[command]
    shared = ("--candles", str(candles), "--strategy", "planted")
    made = quarterdeck(command, *shared, *own, "--json", home=home)
    assert made.returncode == 0, made.stderr
    file = json.loads(made.stdout)["file"]
    run = json.loads(Path(file).read_text())["run"]
    assert {"command", "code", "config", "data", "seed", "asked", "format"} <= set(run)
    assert set(run["data"]) == {"AUSDT", "BUSDT"}
    assert all(len(mark["sha256"]) == 64 for mark in run["data"].values())
    assert run["code"]["sources"]
    assert run["seed"] == (7 if command == "sizing" else 0)

    again = quarterdeck(command, "--repeat", file, "--json", home=home)
    assert again.returncode == 0, again.stderr
    told = json.loads(again.stdout)
    assert (told["equal"], told["differences"], told["file"]) == (True, [], file)
    assert not {"the candles changed", "what was asked or a strategy's file changed"} & set(told["causes"])

    write_csv(candles, walk_frame("AUSDT", 4_000, 99))
    other = quarterdeck(command, "--repeat", file, home=home)
    assert other.returncode == 1
    assert other.stdout.splitlines()[:2] == [f"{file}: different", "  the candles changed"], other.stdout
    wrong = "sizing" if command == "compare" else "compare"
    assert f"no result file of `quarterdeck {wrong}`" in slip(quarterdeck(wrong, "--repeat", file, home=home))


def test_sizing_of_a_result_file_is_kept_and_repeated(market: Path) -> None:
    home = market / "home"
    config = ("--config", str(home / "config.yaml"))
    single = ("backtest", "--candles", str(market / "candles" / "AUSDT.csv"), "--strategy", "planted")
    file = json.loads(quarterdeck(*single, *config, "--json", home=home).stdout)["file"]
    made = json.loads(quarterdeck("sizing", "--result", file, "--paths", "500", "--json", home=home).stdout)
    assert made["run"]["asked"]["result"] == file
    assert made["run"]["of"]["command"] == "backtest"
    assert json.loads(quarterdeck("sizing", "--repeat", made["file"], "--json", home=home).stdout)["equal"]


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
