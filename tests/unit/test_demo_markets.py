"""The market of a demo on candles: contracts by the venue's rules where there is a file, else as the candles show."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from whole_house import market

from bot.domain.errors import ConfigError
from cli.markets import choose_market, instruments_of
from sandbox.market import exchange_info, leverage_brackets

FRAMES = {"XRPUSDT": market([0.6001, 0.6012]), "NEWUSDT": market([1.5, 1.25], "NEWUSDT")}


def written(folder: Path) -> tuple[Path, Path]:
    info, brackets = folder / "exchangeInfo.json", folder / "leverageBracket.json"
    info.write_text(json.dumps(exchange_info(["BTCUSDT", "XRPUSDT"])))
    brackets.write_text(json.dumps(leverage_brackets(["BTCUSDT", "XRPUSDT"])))
    return info, brackets


def test_the_venues_rules_count_where_a_file_has_them(tmp_path: Path) -> None:
    found, notes = instruments_of(FRAMES, written(tmp_path))
    assert len(found["XRPUSDT"].brackets) > 1
    assert found["XRPUSDT"].quantity_step == Decimal("0.1")
    assert (found["NEWUSDT"].price_tick, len(found["NEWUSDT"].brackets)) == (Decimal("0.01"), 1)
    assert notes == ("exchangeInfo.json: nothing of NEWUSDT: taken from the candles",)


def test_rules_without_candles_are_a_slip(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--rules: is for --candles"):
        choose_market((), written(tmp_path), seed=1, symbols=1, history=1)


def test_more_files_than_two_are_a_slip(tmp_path: Path) -> None:
    info, brackets = written(tmp_path)
    with pytest.raises(ConfigError, match="at most two"):
        instruments_of(FRAMES, (info, brackets, brackets))
