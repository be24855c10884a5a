"""Result files: JSON with everything that is needed to run the same again and to tell whether it came out the same."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from stat import S_ISREG

import numpy as np
import orjson

from bot.domain.errors import QuarterdeckError
from bot.strategy import Frame
from research.results.checks import Check
from research.results.outcome import Outcome
from research.results.rows import Row, check_rows, equity_row, stretch_rows, summary_row, trade_row
from research.results.statistics import Summary

FORMAT = 1
COMPARED = ("summary", "trades", "equity")
MOST_BYTES = 2_000_000_000
_PACKING = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


class ResultFileError(QuarterdeckError):
    """A result file cannot be read or written; one line says which and why."""


@dataclass(frozen=True, slots=True)
class DataMark:
    """The candles of one symbol as they were: sha256 over times and figures, opening times, bars."""

    sha256: str
    first_open_at_ms: int
    last_open_at_ms: int
    bars: int


@dataclass(frozen=True, slots=True)
class Run:
    """How a result came to be, so that it can be repeated to the digit.

    `config` is everything that was asked (plain JSON values), `data` the candles by symbol, `code` our version, `seed`
    None where no lots are drawn.
    """

    command: str
    way: str
    code: Mapping[str, str]
    config: Mapping[str, object]
    data: Mapping[str, DataMark]
    seed: int | None = None


def data_mark(frame: Frame) -> DataMark:
    """What identifies a symbol's candles. Raises ValueError for none."""
    if not len(frame):
        raise ValueError(f"{frame.symbol}: no candles to mark")
    digest = sha256(np.ascontiguousarray(frame.open_at_ms, dtype="<i8").tobytes())
    for column in (frame.open, frame.high, frame.low, frame.close, frame.volume):
        digest.update(np.ascontiguousarray(column, dtype="<f8").tobytes())
    return DataMark(digest.hexdigest(), int(frame.open_at_ms[0]), int(frame.open_at_ms[-1]), len(frame))


def document(
    outcome: Outcome,
    summary: Summary,
    checks: Sequence[Check],
    run: Run,
    sections: Mapping[str, object] | None = None,
) -> Row:
    """The whole result; `sections` adds what a command found besides (folds, look_ahead)."""
    return {
        "summary": summary_row(summary),
        "trades": [trade_row(trade) for trade in outcome.trades],
        "checks": check_rows(checks),
        "notes": list(outcome.notes),
        **(sections or {}),
        "stretches": stretch_rows(outcome.stretches),
        "equity": equity_row(outcome),
        "run": {"format": FORMAT, **asdict(run)},
    }


def packed(content: object) -> bytes:
    """As JSON: floats by their shortest exact digits, NaN and infinity as null."""
    return orjson.dumps(content, option=_PACKING)


def digest_of(content: Mapping[str, object]) -> str:
    """What two equal results share: sha256 over summary, trades and equity."""
    return sha256(packed({key: content.get(key) for key in COMPARED})).hexdigest()


def name_of(content: Mapping[str, object], title: str) -> str:
    """`composite-XRPUSDT-15m-3f9c...json`: a readable title and the hash of the whole content."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", title)[:80]
    return f"{plain}-{sha256(packed(content)).hexdigest()[:16]}.json"


def write_whole(path: Path, content: bytes, durable: bool = True) -> None:
    """Write a file so that a crash leaves the old one or the new one. Raises ResultFileError.

    Not `durable`: a process that is killed leaves one or the other, a machine without power perhaps neither.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if path.exists() and not path.is_file():  # a device would be gone, and a file in its place
            raise ResultFileError(f"{path}: is no plain file; allowed: a new file, or one to replace")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with draft.open("wb") as to:
                to.write(content)
                to.flush()
                if durable:
                    os.fsync(to.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError:  # only a folder is made: a file is where it should be
        raise ResultFileError(f"{path}: cannot be written: {path.parent} is no folder") from None
    except OSError as error:
        raise ResultFileError(f"{path}: cannot be written: {error.strerror}") from None


def keep(content: Mapping[str, object], folder: Path, title: str) -> Path:
    """Write a result into a folder under its content's name; answers where. The same result is there once."""
    path = folder / name_of(content, title)
    write_whole(path, packed(content))
    return path


def read_json(path: Path, largest: int, allowed: str) -> object:
    """What a JSON file of at most `largest` bytes holds. Raises ResultFileError, which says what is `allowed`."""
    try:
        found = path.stat()
        if not S_ISREG(found.st_mode):
            raise ResultFileError(f"{path}: is no plain file; allowed: {allowed}")
        if found.st_size > largest:
            raise ResultFileError(f"{path}: {found.st_size} bytes are too many for {allowed}")
        return orjson.loads(path.read_bytes())
    except OSError as error:
        raise ResultFileError(f"{path}: cannot be read: {error.strerror}") from None
    except orjson.JSONDecodeError:
        raise ResultFileError(f"{path}: is no JSON; allowed: {allowed}") from None


def read_result(path: Path, command: str = "backtest") -> Mapping[str, object]:
    """A result file as `command` wrote it. Raises ResultFileError, which names that command, for what is none."""
    content = read_json(path, MOST_BYTES, f"a result file of `quarterdeck {command}`")
    known: Mapping[str, object] = content if isinstance(content, dict) else {}
    run = known.get("run")
    if not isinstance(run, dict) or run.get("format") != FORMAT:
        raise ResultFileError(
            f"{path}: holds no run of format {FORMAT}; allowed: a file of `quarterdeck {command}`"
        )
    return known


def differences(
    before: Mapping[str, object], after: Mapping[str, object], keys: Sequence[str] = COMPARED
) -> tuple[str, ...]:
    """Where two results differ in the sections `keys`, compared digit by digit as JSON; empty: equal."""
    old, new = (orjson.loads(packed({key: one.get(key) for key in keys})) for one in (before, after))
    return tuple(_differing("", old, new))


def _differing(where: str, old: object, new: object) -> list[str]:
    """Names of the values that differ, at most ten of a list."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [*old, *(key for key in new if key not in old)]
        return [
            line
            for key in keys
            for line in _differing(f"{where}.{key}" if where else key, old.get(key), new.get(key))
        ]
    if isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            return [f"{where}: {len(old)} before, {len(new)} now"]
        pairs = (
            _differing(f"{where}[{place}]", *pair) for place, pair in enumerate(zip(old, new, strict=True))
        )
        return [line for lines in pairs for line in lines][:10]
    return [] if old == new and type(old) is type(new) else [f"{where}: {old} before, {new} now"]
