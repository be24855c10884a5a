"""`quarterdeck backtest` as people type it: JSON, tables, pages, repeats, and one line for every slip."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from outcomes import BAR_MS, FROM_MS, random_frame
from recount import recount
from typed_backtest import LOOSE, found, slip, trades_of, typed, write

from cli.research.spread import spread

BARS = 6_000


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Candles of two symbols."""
    folder = tmp_path_factory.mktemp("candles")
    return [
        write(folder, random_frame(seed, BARS, name)) for seed, name in ((31, "BTCUSDT"), (32, "XRPUSDT"))
    ]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home."""
    return tmp_path_factory.mktemp("home")


def test_options_take_many_values() -> None:
    """`--candles a b --set x=1 y=2 --json`; a value that looks like an option of its own stays where it is."""
    words = ["--candles", "a", "b", "--set", "x=-1", "y=2", "--json", "--fee", "0.1%"]
    assert spread(words, ("--candles", "--set")) == [
        "--candles", "a", "--candles", "b", "--set", "x=-1", "--set", "y=2", "--json", "--fee", "0.1%",
    ]  # fmt: skip
    assert spread(["--candles"], ("--candles",)) == ["--candles"]


def test_both_ways_give_the_same_trades_and_every_figure_is_recounted(files: list[str], home: Path) -> None:
    """Fast and exact, two symbols; an independent script recounts both."""
    words = ("--candles", *files, "--strategy", "composite", *LOOSE)
    fast, exact = found(home, *words), found(home, *words, "--exact")
    assert recount(fast) == recount(exact) == []
    ours, theirs = trades_of(fast), trades_of(exact)
    assert len(ours) == len(theirs) > 200
    for one, other in zip(ours, theirs, strict=True):
        for key in ("symbol", "side", "entry_at_ms", "exit_at_ms", "reason"):
            assert one[key] == other[key]
        assert one["net_return"] == pytest.approx(other["net_return"], rel=1e-9, abs=1e-12)


def test_the_result_is_kept_and_can_be_repeated_to_the_digit(files: list[str], home: Path) -> None:
    """Same candles: equal. One candle changed: different, and the cause is named."""
    content = found(
        home, "--candles", files[0], "--strategy", "composite", *LOOSE, "--walk-forward", "20d/10d"
    )
    path = Path(str(content["file"]))
    assert path.parent == home / "results" / "backtests"
    assert {key: value for key, value in content.items() if key != "file"} == json.loads(path.read_bytes())
    again = typed(home, "--repeat", str(path))
    assert (again.exit_code, again.stdout) == (0, f"{path}: equal to the digit\n")
    frame = random_frame(31, BARS)
    frame.close[3000] = frame.high[3000]
    kept = Path(files[0]).read_bytes()
    write(Path(files[0]).parent, frame)
    try:
        changed = typed(home, "--repeat", str(path))
    finally:
        Path(files[0]).write_bytes(kept)
    assert changed.exit_code == 1
    assert "different" in changed.stdout
    assert "the candles changed" in changed.stdout


def test_limits_make_it_exact_and_are_repeated_as_they_were(
    files: list[str], home: Path, tmp_path: Path
) -> None:
    """The limits of the configuration count, are recorded, and the record is what is repeated."""
    words = ("--candles", *files, "--strategy", "composite", *LOOSE, "--limits")
    content = found(home, *words)
    run, notes = content["run"], content["notes"]
    assert isinstance(run, dict)
    assert isinstance(notes, list)
    assert run["way"] == "exact"
    assert "The exact way, because of --limits." in notes
    assert run["config"]["limits_taken"]["max_positions"] == "3"
    again = typed(home, "--repeat", str(content["file"]))
    assert "equal to the digit" in again.stdout
    assert "--limits" in slip(home, *words, "--fast")


def test_only_the_time_asked_for_is_traded(files: list[str], home: Path) -> None:
    """From the first asked-for open, warmed up on what is before it; the equity is of those bars only."""
    content = found(
        home,
        "--candles",
        files[0],
        "--strategy",
        "composite",
        *LOOSE,
        "--from",
        "2023-01-20",
        "--to",
        "2023-02-10",
    )
    summary, trades = content["summary"], trades_of(content)
    assert isinstance(summary, dict)
    begin, end = FROM_MS + 19 * 96 * BAR_MS, FROM_MS + 40 * 96 * BAR_MS
    assert (summary["from_ms"], summary["to_ms"], summary["bars"]) == (begin, end, 21 * 96)
    assert all(begin <= int(str(one["entry_at_ms"])) <= int(str(one["exit_at_ms"])) < end for one in trades)
    assert recount(content) == []


def test_tables_tell_the_same(files: list[str], home: Path) -> None:
    """Figures, groups, folds, checks, notes and where the result is, within the width."""
    words = ("--candles", *files, "--strategy", "composite", *LOOSE, "--walk-forward", "20d/10d")
    content, done = found(home, *words), typed(home, *words, "--look-ahead-check")
    summary = content["summary"]
    assert isinstance(summary, dict)
    assert done.exit_code == 0, done.exception
    text = done.stdout
    for words_there in (
        "XRPUSDT",
        "LONG",
        "SL",
        "2023-01",
        "together",
        "checks:",
        "No look-ahead: 50 bars",
        "Result:",
    ):
        assert words_there in text
    assert f"{summary['trades']:,}" in text
    assert f"{summary['profit_factor']:.2f}" in text
    assert "…" not in text


class Page(HTMLParser):
    """What a page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.references: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [
            value or "" for name, value in attrs if name in {"src", "srcset", "href", "action"}
        ]


def test_the_page_is_one_file_that_fetches_nothing(files: list[str], home: Path, tmp_path: Path) -> None:
    """Pictures inside, light and dark; every section; no script."""
    path = tmp_path / "page.html"
    words = ("--candles", *files, "--strategy", "composite", *LOOSE, "--walk-forward", "20d/10d")
    assert typed(home, *words, "--html", str(path)).exit_code == 0
    text = path.read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    assert len(page.references) == 12
    assert all(reference.startswith("data:image/png;base64,") for reference in page.references)
    assert not {"script", "link", "iframe"} & set(page.tags)
    assert not re.search(r"https?://", text)
    for heading in (
        "Equity",
        "Months",
        "Walk-forward",
        "Trades",
        "Symbols",
        "Close reasons",
        "Checks",
        "Notes",
    ):
        assert f"<h2>{heading}</h2>" in text


SLIPS = [
    (("--strategy", "composite"), "name candles: --candles FILE"),
    (("--candles", "{0}"), "name a strategy: --strategy composite"),
    (("--candles", "{0}", "--strategy", "composit"), "'composit' is unknown; did you mean composite?"),
    (("--candles", "nowhere.csv", "--strategy", "composite"), "nowhere.csv: there is no such file or folder"),
    (("{ask}", "--set", "adx_treshold=3"), "'adx_treshold' is unknown; did you mean adx_threshold?"),
    (("{ask}", "--set", "adx_threshold=300"), "300.0 is out of range; allowed: 0 to 100 points"),
    (("{ask}", "--set", "adx_threshold"), "allowed: parameter=value"),
    (
        ("{ask}", "--set", "adx_threshold=20", "adx_threshold=30"),
        "--set adx_threshold: is given twice; allowed: one value",
    ),
    (("{ask}", "--fee", "0.04"), "--fee '0.04' is not allowed; allowed: 0% to 1%, like 0.04% or 0.0004"),
    (("{ask}", "--slippage", "nan"), "--slippage 'nan' is not allowed"),
    (("{ask}", "--wallet", "-5"), "--wallet '-5' is not allowed; allowed: an amount above 0"),
    (("{ask}", "--fast", "--exact"), "--fast and --exact do not go together"),
    (("{ask}", "--sizing", "kelly"), "--sizing 'kelly' is not allowed; allowed: fixed, risk_usd"),
    (("{ask}", "--sizing", "risk_percent"), "--sizing risk_percent needs --risk"),
    (("{ask}", "--sizing", "risk_percent", "--risk", "101"), "above 0 to 100 per cent"),
    (("{ask}", "--both-hit", "luck"), "--both-hit 'luck' is not allowed; allowed: stop, target, path"),
    (("{ask}", "--both-hit", "path"), "--both-hit path needs --finer"),
    (("{ask}", "--both-hit", "path", "--finer", "{0}"), "allowed: shorter than 15m"),
    (("{ask}", "--from", "31.1.2023"), "--from '31.1.2023' is not allowed; allowed: a day like 2024-01-31"),
    (
        ("{ask}", "--from", "2023-02-01", "--to", "2023-01-01"),
        "--from 2023-02-01 is not before --to 2023-01-01",
    ),
    (("{ask}", "--from", "2030-01-01"), "no candles of BTCUSDT in the time asked for"),
    (("{ask}", "--symbol", "DOGEUSDT"), "no candles of DOGEUSDT in the files"),
    (("{ask}", "--walk-forward", "3m"), "walk-forward '3m' is not allowed; allowed: TRAIN/TEST"),
    (("{ask}", "--walk-forward", "3m/1m"), "the candles span 62.5 days"),
    (("{ask}", "--repeat", "{0}"), "is no JSON; allowed: a result file"),
    (("--symbol", "BTCUSDT", "--strategy", "composite"), "quarterdeck fetch BTCUSDT --timeframe 15m"),
]


@pytest.mark.parametrize("words, line", SLIPS, ids=[line[:40] for _, line in SLIPS])
def test_every_slip_is_one_clear_line(
    words: tuple[str, ...], line: str, files: list[str], home: Path
) -> None:
    """What, where, what is allowed."""
    whole: list[str] = []
    for word in words:
        ask = ["--candles", files[0], "--strategy", "composite"]
        whole += ask if word == "{ask}" else [word.replace("{0}", files[0])]
    assert line in slip(home, *whole)


def test_standard_output_holds_json_only_and_a_full_home_takes_nothing_away(
    files: list[str], tmp_path: Path
) -> None:
    """A home that cannot be written: the figures come; one line and the exit code say that nothing was kept."""
    blocked = tmp_path / "home"
    (blocked / "results").mkdir(parents=True)
    (blocked / "results" / "backtests").write_text("a file where a folder should be")
    command = [sys.executable, "-m", "cli.main", "backtest", "--candles", files[0], "--strategy", "composite"]
    done = subprocess.run(
        [*command, "--home", str(blocked), "--json"], capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["file"] is None
    assert done.stderr.count("\n") == 1
    assert "the result was not kept" in done.stderr


def test_every_file_that_cannot_be_written_is_a_line_after_the_result(
    files: list[str], tmp_path: Path
) -> None:
    """Result, page and signals in places where no file can be: the figures come, three lines say why, exit code 1."""
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    words = ("--candles", files[0], "--strategy", "composite", *LOOSE, "--out", str(blocked / "a.json"))
    more = ("--html", str(blocked / "b.html"), "--phantoms", str(blocked / "c.csv"))
    done = typed(tmp_path / "home", *words, *more)
    assert done.exit_code == 1
    assert "profit factor" in done.stdout
    assert not {"Result:", "Page:", "Phantoms:"} & set(done.stdout.split())
    assert done.stderr.splitlines() == [
        f"{what}: {blocked / name}: cannot be written: {blocked} is no folder"
        for what, name in (
            ("the phantoms were not written", "c.csv"),
            ("the result was not kept", "a.json"),
            ("the page was not written", "b.html"),
        )
    ]
