"""The nightly clearing goes on until nothing old is left: a market of hundreds grows by more than one batch a day."""

from types import SimpleNamespace
from typing import Any

import pytest
from storage_kit import ACCOUNT
from test_storage_candles import BAR, START, frame

from bot.domain.market import DAY_MS
from cli import jobs
from storage.database import Database


async def test_everything_old_goes_in_batches(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "PRUNED_AT_ONCE", 7)
    monkeypatch.setattr(jobs, "PRUNE_PAUSE_S", 0)
    ledger = database.ledger(ACCOUNT)
    await ledger.save_candles("15m", {symbol: frame(symbol, 20) for symbol in ("BTCUSDT", "ETHUSDT")})
    house: Any = SimpleNamespace(
        database=database, plan=SimpleNamespace(account=ACCOUNT), now_ms=lambda: START + DAY_MS + 15 * BAR
    )
    settings: Any = SimpleNamespace(storage=SimpleNamespace(journal_days=1, candles_days=1))
    assert await jobs.prune(house, settings) == "30 rows"
    left = await ledger.candles("ETHUSDT", "15m", 0, 2**50)
    assert left.open_at_ms[0] == START + 15 * BAR
