"""`quarterdeck data`: what is stored, from when to when, and what is missing."""

import os
import sys
from pathlib import Path

import orjson

from cli.homes import resolve_home
from cli.past import store_of
from cli.research.sweep_view import print_table
from research.history.report import Gap, moment
from research.history.series import find_gaps
from research.store.files import FileStore
from research.store.port import Stored

HEADS = ("Symbol", "Kind", "From", "To", "Bars", "Missing", "Gaps", "Source")


def run_data(home: Path | None, json: bool) -> int:
    """List it; 1 when a file is damaged."""
    store = store_of(resolve_home(home, os.environ))
    survey = store.survey()
    if json:
        document = {
            "candles": [_row(one, _gaps(store, one)) for one in survey.candles],
            "figures": [_row(one) for one in survey.points],
            "damaged": list(survey.damaged),
        }
        sys.stdout.write(orjson.dumps(document).decode() + "\n")
    else:
        _print(store, (*survey.candles, *survey.points))
    for line in survey.damaged:
        sys.stderr.write(f"{line}\n")
    return int(bool(survey.damaged))


def _gaps(store: FileStore, one: Stored) -> list[Gap]:
    if not one.missing:
        return []
    frame = store.load(one.symbol, one.timeframe)
    return find_gaps(one.symbol, frame.open_at_ms, frame.timeframe_ms, False)


def _row(one: Stored, gaps: list[Gap] | None = None) -> dict[str, object]:
    row: dict[str, object] = {
        "symbol": one.symbol,
        "kind": one.timeframe,
        "from_ms": one.first_open_at_ms,
        "to_ms": one.last_open_at_ms,
        "bars": one.bars,
        "missing": one.missing,
        "source": one.source,
    }
    if gaps is not None:
        row["gaps"] = [
            {
                "first_open_at_ms": gap.first_open_at_ms,
                "last_open_at_ms": gap.last_open_at_ms,
                "bars": gap.bars,
            }
            for gap in gaps
        ]
    return row


def _print(store: FileStore, every: tuple[Stored, ...]) -> None:
    if not every:
        sys.stdout.write(
            "Nothing is stored yet: `quarterdeck fetch SYMBOL...` or `quarterdeck import FILE...`\n"
        )
        return
    candles = {id(one): len(_gaps(store, one)) for one in every if one.timeframe in _frames()}
    print_table(HEADS, [_cells(one, candles.get(id(one))) for one in every])


def _frames() -> set[str]:
    from bot.domain.market import TIMEFRAMES_MS

    return set(TIMEFRAMES_MS)


def _cells(one: Stored, gaps: int | None) -> tuple[str, ...]:
    span = (moment(one.first_open_at_ms), moment(one.last_open_at_ms)) if one.bars else ("", "")
    shown = "" if gaps is None else f"{gaps:,}"
    return (
        one.symbol,
        one.timeframe,
        *span,
        f"{one.bars:,}",
        f"{one.missing:,}",
        shown,
        one.source or "unknown",
    )
