"""`quarterdeck import`: files into the store, everything checked before anything is written."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import orjson

from bot.domain.errors import ConfigError
from cli.homes import resolve_home
from cli.past import store_of
from cli.research.data_line import ImportOptions
from research.history import CandleFileError, History, read_candles
from research.history.files import candle_files
from research.history.report import counted
from research.store.places import KINDS
from research.store.point_files import read_points
from research.store.port import Points, Upserted

CANDLES = "candles"
LONGEST_SOURCE = 40


def run_import(options: ImportOptions) -> int:
    """Read all files, then write; 0 when all is stored, 2 when nothing is."""
    if options.kind not in {CANDLES, *KINDS}:
        raise ConfigError(f"--kind {options.kind}: is not allowed; allowed: {', '.join((CANDLES, *KINDS))}")
    if not options.source.isprintable() or not 0 < len(options.source) <= LONGEST_SOURCE:
        raise ConfigError(f"--source: a short name is allowed, up to {LONGEST_SOURCE} characters")
    try:
        return _candles(options) if options.kind == CANDLES else _figures(options)
    except CandleFileError:
        faults = faults_of(options)
        _refuse(faults, options.json)
        return 2


def _read(files: Sequence[Path], options: ImportOptions) -> History:
    return read_candles(files, options.timeframe or None, symbol=options.symbol)


def _candles(options: ImportOptions) -> int:
    history = _read(options.files, options)
    store = store_of(resolve_home(options.home, os.environ), options.source)
    for symbol in history.frames:
        store.refuse_mixing(history.timeframe, symbol)
    done = {name: store.upsert(history.timeframe, frame) for name, frame in history.frames.items()}
    lines = [f"{name} {history.timeframe}: {_changes(upserted)}" for name, upserted in done.items()] + list(
        history.report.lines
    )
    rows = [
        {"symbol": name, "what": history.timeframe, "bars": len(history.frames[name]), **asdict(upserted)}
        for name, upserted in done.items()
    ]
    gaps = [asdict(gap) for gap in history.report.gaps]
    _show(lines, {"imported": rows, "notes": list(history.report.notes), "gaps": gaps}, options.json)
    return 0


def _figures(options: ImportOptions) -> int:
    found: Mapping[str, Points] = read_points(options.files, options.kind, options.symbol)
    store = store_of(resolve_home(options.home, os.environ), options.source)
    for symbol in found:
        store.refuse_mixing(options.kind, symbol)
    done = {name: store.add(options.kind, name, points) for name, points in found.items()}
    lines = [
        f"{name} {options.kind}: {len(found[name].at_ms):,} rows, {new:,} new" for name, new in done.items()
    ]
    rows = [
        {"symbol": name, "what": options.kind, "bars": len(found[name].at_ms), "added": new}
        for name, new in done.items()
    ]
    _show(lines, {"imported": rows, "notes": [], "gaps": []}, options.json)
    return 0


def _changes(done: Upserted) -> str:
    return f"{done.added:,} new, {done.corrected:,} corrected, {done.same:,} there already"


def faults_of(options: ImportOptions) -> list[CandleFileError]:
    """What is wrong in each file; when every file is sound by itself, what is wrong with them together."""
    found: list[CandleFileError] = []
    paths = _listed(options.files, found)
    for group in [*([path] for path in paths), *([paths] if paths else [])]:
        if group == paths and found:
            break
        try:
            _read(group, options) if options.kind == CANDLES else read_points(
                group, options.kind, options.symbol
            )
        except CandleFileError as error:
            found.append(error)
    return found


def _listed(files: Sequence[Path], found: list[CandleFileError]) -> list[Path]:
    paths: list[Path] = []
    for file in files:
        try:
            paths += candle_files([file])[0]
        except CandleFileError as error:
            found.append(error)
    return paths


def _refuse(faults: Sequence[CandleFileError], json: bool) -> None:
    if json:
        rows = [{"line": str(fault), "rows": list(fault.rows), "faulty": fault.faulty} for fault in faults]
        sys.stdout.write(orjson.dumps({"imported": [], "refused": rows}).decode() + "\n")
    for fault in faults:
        sys.stderr.write(f"{fault}\n")
        for row in fault.rows[1:]:
            sys.stderr.write(f"  {row}\n")
        more = fault.faulty - len(fault.rows)
        if fault.rows and more > 0:
            sys.stderr.write(f"  and {counted(more, 'more')}\n".replace("mores", "more"))
    sys.stderr.write("nothing was imported\n")


def _show(lines: Sequence[str], document: Mapping[str, object], json: bool) -> None:
    if json:
        sys.stdout.write(orjson.dumps(document).decode() + "\n")
        return
    for line in lines:
        sys.stdout.write(line + "\n")
