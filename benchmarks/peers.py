"""Our research engine beside vectorbt, backtesting.py and nautilus_trader: one run, one table.

.venv/bin/python benchmarks/peers.py [--markdown] [--write docs/benchmarks.md] [--only vectorbt,nautilus_trader]

Each peer gets an environment of its own, installed when it is first asked for and kept outside the repository. All
trade the composite strategy over the same candles by the same rules, as closely as their models allow; the table says
how far their trades are from ours. Rounds go through all of them in turn, each time beginning with another, so that
whatever else the machine does hits everybody alike.
"""

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from peer_environments import PEERS, ROOT, NoEnvironment, Peer, cache_folder, python_of, say
from peer_figures import (
    BACKTEST,
    COMMAND,
    EXACT,
    FOLDS,
    OURS,
    SWEEP,
    Absent,
    NotAnswered,
    Run,
    joined,
    run_of,
)
from peer_rules import GRID, ONE_SET, places
from peer_table import EVENTFUL, Comparison, markdown, text

from bot.domain.market import timeframe_ms
from bot.strategy import Frame
from research.history import read_candles
from sandbox.market import GeneratedMarket

HERE = Path(__file__).resolve().parent
TIMEFRAME = "15m"
BARS = 35_040
SYMBOL = "XRPUSDT"
SEED = 7
LONGEST_S = 1800.0
FOLDED = "rust"
"""Who runs the walk-forward, too: whatever sweeps in about a second."""

BEGIN, END = "<!-- peers: from here", "<!-- peers: to here -->"


@dataclass(frozen=True, slots=True)
class Ask:
    """One process to measure: whose, which task, how to start it; `sets` of a sweep, 0: all."""

    name: str
    task: str
    command: tuple[str, ...]
    option: str = ""
    sets: int = 0


def main() -> int:
    """Measure and print."""
    asked = arguments()
    with tempfile.TemporaryDirectory() as folder:
        frame, market = candles(asked.candles)
        files = written(frame, Path(folder))
        absent: list[Absent] = []
        asks = [*ours(), *peers(asked, absent)]
        runs = measured(asks, files, asked, absent)
    made = Comparison(
        market,
        len(frame),
        len(GRID),
        tuple(places(asked.sets)),
        tuple(joined(runs)),
        tuple(absent),
        machine(),
    )
    if asked.json:
        sys.stdout.write(json.dumps(asdict(made)) + "\n")
    else:
        sys.stdout.write(markdown(made) if asked.markdown else text(made))
    if asked.write:
        put(asked.write, markdown(made))
    return 0


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Quarterdeck's research engine beside its peers.")
    parser.add_argument("--candles", type=Path, help="Parquet or CSV of one symbol (default: XRPUSDT)")
    parser.add_argument(
        "--only", default="", help=f"peers, by comma: {', '.join(peer.name for peer in PEERS)}"
    )
    parser.add_argument("--runs", type=int, default=3, help="warm runs in each process, at least")
    parser.add_argument("--rounds", type=int, default=3, help="processes of each")
    parser.add_argument("--sets", type=int, default=6, help="sets of the sweep that slow peers run, 0: all")
    parser.add_argument(
        "--cache", type=Path, default=cache_folder(), help="where the peers' environments are kept"
    )
    parser.add_argument("--write", type=Path, help="put the tables into the marked place of this file, too")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="everything as one JSON object")
    shape.add_argument("--markdown", action="store_true", help="what goes into docs/benchmarks.md")
    asked = parser.parse_args()
    known = {peer.name for peer in PEERS}
    asked.names = set(filter(None, asked.only.split(","))) or known
    if asked.names - known:
        parser.error(f"--only {','.join(sorted(asked.names - known))}: allowed: {', '.join(sorted(known))}")
    if min(asked.runs, asked.rounds) < 1 or asked.sets < 0:
        parser.error("--runs and --rounds: 1 or more; --sets: 0 or more")
    return asked


def candles(path: Path | None) -> tuple[Frame, str]:
    """One symbol-year, and what it is: the file's, else real ones where they are, else generated ones."""
    shared = Path(os.environ.get("QUARTERDECK_REAL_DATA", ROOT.parent / "shared" / "data"))
    path = path or shared / "candles" / TIMEFRAME / f"{SYMBOL}.parquet"
    if not path.exists():
        market = GeneratedMarket(SEED, [SYMBOL], TIMEFRAME)
        return market.frame(SYMBOL, 0, BARS), f"{SYMBOL} {TIMEFRAME}, {BARS:,} generated bars (seed {SEED})"
    frames = read_candles([path], TIMEFRAME).frames
    symbol, frame = next(iter(frames.items()))
    frame = first_bars(frame, BARS)
    opened = np.datetime_as_string(frame.open_at_ms[[0, -1]].astype("datetime64[ms]"), unit="D")
    return frame, f"{symbol} {TIMEFRAME}, {len(frame):,} bars, {opened[0]} to {opened[1]}"


def first_bars(frame: Frame, bars: int) -> Frame:
    """The beginning of a history."""
    columns = (frame.open, frame.high, frame.low, frame.close, frame.volume)
    cut = (column[:bars] for column in columns)
    return Frame(frame.symbol, frame.timeframe_ms, frame.open_at_ms[:bars], *cut)


def written(frame: Frame, folder: Path) -> tuple[Path, Path]:
    """The candles as peers read them (NumPy) and as our command reads them (Parquet)."""
    columns = {name: getattr(frame, name) for name in ("open", "high", "low", "close", "volume")}
    arrays, table = folder / "candles.npz", folder / f"{frame.symbol}.parquet"
    np.savez(arrays, symbol=frame.symbol, bar_ms=timeframe_ms(TIMEFRAME), at_ms=frame.open_at_ms, **columns)
    pq.write_table(pa.table({"timestamp": frame.open_at_ms, **columns}), table)
    return arrays, table


def ours() -> list[Ask]:
    """Our own ways, and our command."""
    command = (sys.executable, str(HERE / "peer_quarterdeck.py"))
    tasks = [Ask(OURS, task, command) for task in (BACKTEST, EXACT, SWEEP, FOLDS)]
    return [*tasks, Ask(OURS, COMMAND, (str(Path(sys.executable).parent / "quarterdeck"), "backtest"))]


def peers(asked: argparse.Namespace, absent: list[Absent]) -> Iterator[Ask]:
    """The peers that can be installed; the others go to `absent`."""
    for peer in PEERS:
        if peer.name not in asked.names:
            continue
        try:
            python = python_of(peer, asked.cache)
        except NoEnvironment:
            absent.append(Absent(peer.name, "could not be installed here"))
            continue
        yield from asks_of(peer, python, asked.sets if peer.name in EVENTFUL else 0)


def asks_of(peer: Peer, python: Path, sets: int) -> Iterator[Ask]:
    """A peer's tasks, once for each option."""
    for option in peer.options:
        name = f"{peer.name}, {option}" if option else peer.name
        for task in (BACKTEST, SWEEP, FOLDS) if option == FOLDED else (BACKTEST, SWEEP):
            yield Ask(name, task, (str(python), str(HERE / peer.script)), option, sets)


def measured(
    asks: Sequence[Ask], files: tuple[Path, Path], asked: argparse.Namespace, absent: list[Absent]
) -> list[Run]:
    """All rounds; one that fails is named in `absent` and not asked again."""
    runs: list[Run] = []
    failed: set[Ask] = set()
    for number in range(asked.rounds):
        first = number * len(asks) // asked.rounds
        for ask in (*asks[first:], *asks[:first]):
            if ask in failed:
                continue
            say(f"round {number + 1} of {asked.rounds}: {ask.name}, {ask.task}")
            try:
                runs.append(
                    command_run(ask, files[1])
                    if ask.task == COMMAND
                    else script_run(ask, files[0], asked.runs)
                )
            except (NotAnswered, subprocess.SubprocessError):
                failed.add(ask)
                absent.append(Absent(ask.name, "gave no figures", ask.task))
    return runs


def script_run(ask: Ask, arrays: Path, warm: int) -> Run:
    """One of the scripts beside this file."""
    # Long sweeps of slow peers are run once more, not five times.
    runs = 1 if ask.sets else warm
    began = str(time.monotonic() * 1000)
    command = (*ask.command, ask.task, str(arrays), str(runs), str(ask.sets), began, ask.option)
    return run_of(ask.name, printed(command))


def command_run(ask: Ask, table: Path) -> Run:
    """Our command line over the same candles, with the same parameters. Raises NotAnswered when it fails."""
    names = ("atr_sl_mult", "atr_tp_mult", "signal_threshold", "adx_threshold", "volume_multiplier")
    given = [part for pair in zip(names, ONE_SET, strict=True) for part in ("--set", f"{pair[0]}={pair[1]}")]
    command = (*ask.command, "--candles", str(table), "--strategy", "composite", *given, "--fast", "--json")
    began = time.monotonic()
    with tempfile.TemporaryFile() as said_file:
        with subprocess.Popen(command, cwd=ROOT, stdout=said_file, stderr=subprocess.DEVNULL) as process:  # noqa: S603
            _, status, usage = os.wait4(process.pid, 0)
            taken_ms = (time.monotonic() - began) * 1000
            process.returncode = os.waitstatus_to_exitcode(status)
        said_file.seek(0)
        said = said_file.read()
    try:
        trades = [one["net_return"] for one in json.loads(said)["trades"]]
    except (ValueError, KeyError, TypeError) as error:
        raise NotAnswered from error
    return Run(
        ask.name, ask.task, {}, taken_ms, taken_ms, (), usage.ru_maxrss / 1024, (len(trades),), (sum(trades),)
    )


def printed(command: Sequence[str]) -> str:
    """What a command prints. Raises NotAnswered when it fails, TimeoutExpired when it takes too long."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LONGEST_S, check=False)  # noqa: S603
    if done.returncode:
        say(done.stderr.strip())
        raise NotAnswered
    return done.stdout


def machine() -> tuple[str, ...]:
    """What all this ran on."""
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(
            (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model
        )
    load = f", load before and while {os.getloadavg()[1]:.1f}" if hasattr(os, "getloadavg") else ""
    day = time.strftime("%Y-%m-%d", time.gmtime())
    return (
        f"{day}, {model}, {os.cpu_count()} cores, everybody on one{load}, Python {platform.python_version()}",
    )


def put(path: Path, tables: str) -> None:
    """Put the tables between the marks of a file."""
    whole = path.read_text(encoding="utf-8")
    begin = whole.index("\n", whole.index(BEGIN)) + 1
    path.write_text(f"{whole[:begin]}\n{tables}\n{whole[whole.index(END) :]}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
