"""kill -9 of a running demo at random moments: the next start agrees with the venue, and nothing is doubled."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from phantom_kit import check_phantoms
from whole_house import METRONOME, METRONOME_YAML

from bot.domain.account import Book
from bot.domain.market import DAY_MS
from bot.domain.order import OrderStatus, Purpose
from bot.runtime.ports import TradeQuery
from cli.demo import plan_demo
from cli.demo_desk import DemoOptions
from cli.wiring import House, open_house
from handlers.market_clock import ClockControl

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 10
PATIENCE_S = 60.0
SYMBOLS = ("BTCUSDT", "ETHUSDT", "XRPUSDT", "SOLUSDT", "BNBUSDT", "DOGEUSDT", "ADAUSDT", "TRXUSDT")


def busy_config(home: Path, kill_trades: int) -> Path:
    """Eight symbols that trade on every bar, with limits that let them."""
    folder = home / "mine" / "metronome"
    folder.mkdir(parents=True)
    (folder / "strategy.py").write_text(METRONOME)
    (folder / "default.yaml").write_text(METRONOME_YAML.replace("default: 0.01", "default: 0.002"))
    symbols = "".join(f"  - {{symbol: {name}, strategy: metronome}}\n" for name in SYMBOLS)
    limits = (
        "limits: {max_positions: 8, max_same_direction: 8, daily_loss_percent: '0', drawdown_percent: '0', "
        f"kill_trades: {kill_trades}, kill_losing_run: {kill_trades}}}\n"
    )
    path = home / "config.yaml"
    path.write_text(f"strategy_paths: [{home / 'mine'}]\nsymbols:\n{symbols}{limits}")
    return path


def start(home: Path, config: Path) -> subprocess.Popen[bytes]:
    """A demo as fast as it can run."""
    command = [sys.executable, "-m", "cli.main", "demo", "--home", str(home), "--config", str(config)]
    command += ["--bars", "1000000", "--json"]
    environ = {k: v for k, v in os.environ.items() if not k.startswith("QUARTERDECK_")}
    return subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def run_and_kill(home: Path, config: Path, lines: int, after_s: float) -> None:
    """Let it write so many more journal lines, wait a moment that nobody chose, and kill it without a word."""
    wanted = journal_lines(home) + lines
    process = start(home, config)
    deadline = time.monotonic() + PATIENCE_S
    while journal_lines(home) < wanted and time.monotonic() < deadline:
        assert process.poll() is None, process.stderr and process.stderr.read().decode()[-2000:]
        time.sleep(0.02)  # the process is another one: there is nothing to wait on but its file
    time.sleep(after_s)
    process.send_signal(signal.SIGKILL)
    process.wait()


def journal_lines(home: Path) -> int:
    """How many lines the journal has; none before there is a database."""
    books = home / "quarterdeck.db"
    if not books.exists():
        return 0
    with closing(sqlite3.connect(f"file:{books}?mode=ro", uri=True, timeout=60)) as reader:
        try:
            return int(reader.execute("SELECT count(*) FROM journal").fetchone()[0])
        except sqlite3.OperationalError:  # the tables are being made
            return 0


async def check(home: Path, config: Path) -> tuple[int, int]:
    """Everything the next start has equals the venue's, and each thing happened once. Returns trades and bars."""
    plan, _ = plan_demo(DemoOptions(home=home, config=config, bars=1), home)
    async with open_house(replace(plan, context=(ClockControl(),))) as house:
        state = house.engine.state
        snapshot = await house.venue.snapshot(0)
        theirs = {position.symbol: position.quantity for position in snapshot.positions}
        ours = {s.symbol: s.position.quantity for s in state.symbols.values() if s.position.quantity}
        assert ours == theirs
        assert state.wallet == snapshot.wallet
        stops = {o.symbol for o in snapshot.orders if o.close_position or o.trigger_price}
        assert set(theirs) <= stops
        assert house.desk.status().uncovered == ()
        live = {o.client_id for s in state.symbols.values() for o in s.orders.values()}
        assert live == {order.client_id for order in snapshot.orders}
        assert all(
            o.status is not OrderStatus.UNKNOWN for s in state.symbols.values() for o in s.orders.values()
        )
        for symbol in state.symbols.values():
            assert len(symbol.live(Purpose.STOP)) == (1 if symbol.position.quantity else 0)
        await check_books(house)
        await check_phantoms(house)
        return state.trade_count, state.last_bar_at_ms


async def check_books(house: House) -> None:
    """Ledger, day and kill switches recomputed from what was stored."""
    state = house.engine.state
    entries = await house.database.ledger(house.plan.account).entries(0)
    assert all(entry.balanced for entry in entries)
    assert len({entry.reference for entry in entries}) == len(entries)
    assert sum((entry.amount(Book.WALLET) for entry in entries), Decimal(0)) == state.wallet
    assert not [entry for entry in entries if entry.kind == "difference"]
    day_start = state.day.day * DAY_MS
    today = [e for e in entries if e.at_ms >= day_start and e.kind in {"fill", "funding"}]
    assert sum((entry.amount(Book.WALLET) for entry in today), Decimal(0)) == state.day.realised
    trades = await house.database.ledger(house.plan.account).trades(TradeQuery())
    assert len({trade.id for trade in trades}) == len(trades) == state.trade_count
    for symbol in state.symbols.values():
        nets = [t.net for t in trades if t.symbol == symbol.symbol]  # nobody resets a kill here
        kept = list(symbol.nets)
        assert kept == nets[len(nets) - len(kept) :]


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed,kill_trades", [(1, 0), (2, 30)])
def test_killed_at_random_moments(tmp_path: Path, seed: int, kill_trades: int) -> None:
    """Ten kills in a row on one home, twice: twenty random moments, some of them during recovery."""
    moments = random.Random(seed)
    config = busy_config(tmp_path, kill_trades)
    trades = bars = 0
    for _ in range(ROUNDS):
        run_and_kill(tmp_path, config, moments.randrange(0, 1500), moments.uniform(0.0, 0.2))
        now_trades, now_bars = asyncio.run(check(tmp_path, config))
        assert now_trades >= trades
        assert now_bars >= bars
        trades, bars = now_trades, now_bars
    assert trades > 20
