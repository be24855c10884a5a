"""`quarterdeck ml status`, `reset`, `export-onnx`: models that are there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot.domain.errors import ConfigError
from bot.ml import files
from bot.ml.card import Card, check_strategy, check_symbol, check_version
from bot.ml.loaded import load_model, rows_of
from bot.ml.model import ModelError
from bot.ml.registry import feature_set
from bot.ml.writing import withdraw, write_version
from cli.research.kept import put_json
from cli.research.ml_options import MlOptions
from cli.research.ml_view import day, number
from handlers.text import echo
from research.results.files import write_whole

if TYPE_CHECKING:
    from research.learning.exporting import Exported

NONE_THERE = "No models. `quarterdeck ml train SYMBOL --candles FILE...` makes one."


def run_status(options: MlOptions) -> int:
    """Every version of every symbol, the one in use marked."""
    rows = list(_rows(options.shelf, options.symbol))
    if options.json:
        put_json({"models": rows, "folder": str(options.shelf)})
        return 0
    print("\n".join(map(_line, rows)) if rows else NONE_THERE)
    return 0


def _rows(root: Path, symbol: str) -> Iterator[dict[str, object]]:
    """What a folder holds that can be read, and why what cannot be used is not."""
    for folder in _folders(root):
        if symbol and folder.name != symbol:
            continue
        current, fault = _current(folder)
        if fault:
            yield {"strategy": folder.parent.name, "symbol": folder.name, "fault": fault}
        for version in files.versions(folder):
            yield _row(folder, version, version == current)


def _folders(root: Path) -> list[Path]:
    """Folders of symbols with names that are allowed."""
    found = sorted(path for path in root.glob("*/*") if path.is_dir() and not path.is_symlink())
    return [path for path in found if _allowed(path)]


def _allowed(path: Path) -> bool:
    try:
        check_strategy(path.parent.name)
        check_symbol(path.name)
    except ModelError:
        return False
    return True


def _current(folder: Path) -> tuple[str | None, str]:
    """The version in use, and what is wrong with `current` or with the card of the version that it names."""
    try:
        version = files.current_version(folder)
        if version is not None:
            files.read_card(folder / version)
    except ModelError as error:
        return None, str(error)
    return version, ""


def _row(folder: Path, version: str, current: bool) -> dict[str, object]:
    card, fault = files.read_card(folder / version), ""
    if current:
        try:
            load_model(folder / version, _hash_of)
        except ModelError as error:
            fault = str(error)
    return {
        "strategy": card.strategy,
        "symbol": card.symbol,
        "version": card.version,
        "in_use": current,
        "kind": card.kind,
        "backend": echo(str(card.parameters.get("backend", card.kind))),
        "created_at_ms": card.created_at_ms,
        "trained_to_ms": card.trained.to_ms,
        "rows": card.rows,
        "auc": card.metrics.auc,
        "precision": card.metrics.precision,
        "recall": card.metrics.recall,
        "threshold": card.threshold,
        "advice": card.advice,
        "fault": fault,
    }


def _line(row: Mapping[str, object]) -> str:
    name = f"{row['strategy']} {row['symbol']}"
    if "version" not in row:
        return f"{name}: CANNOT BE USED: {row['fault']}"
    mark = "*" if row["in_use"] else " "
    auc, threshold = (
        number(float(str(row[key])) if row[key] is not None else None) for key in ("auc", "threshold")
    )
    made = day(int(str(row["created_at_ms"])))
    figures = f"AUC {auc}, threshold {threshold}, advice {row['advice']}"
    line = f"{mark} {name} {row['version']} {row['backend']}, {made}: {figures}"
    return f"{line}; CANNOT BE USED: {row['fault']}" if row["fault"] else line


def run_reset(options: MlOptions) -> int:
    """Use no model of a symbol any more; its versions stay."""
    before = withdraw(options.shelf, options.strategy, options.symbol)
    name = f"{options.strategy} {options.symbol}"
    if options.json:
        put_json({"strategy": options.strategy, "symbol": options.symbol, "withdrawn": before})
    elif before is None:
        print(f"{name}: no model was in use")
    else:
        print(f"{name}: {before} is not in use any more; its versions stay in {options.shelf}")
    return 0


def run_export(options: MlOptions, version: str, out: Path | None) -> int:
    """Write a LightGBM version as ONNX: as a new version beside it, or to a file."""
    from research.learning.boosting import boosted_of
    from research.learning.exporting import export
    from research.learning.trees import probes

    folder = files.place(options.shelf, options.strategy, options.symbol)
    chosen = version or files.current_version(folder) or _newest_trees(folder)
    if not chosen:
        raise ConfigError(f"{options.strategy} {options.symbol}: no LightGBM model in {options.shelf}")
    loaded = load_model(folder / check_version(chosen), _hash_of)
    if loaded.card.kind != "lightgbm":
        raise ConfigError(f"{loaded.name}: is an ONNX model already")
    model = boosted_of(files.read_whole(folder / chosen / files.MODEL_FILE["lightgbm"], files.LARGEST_MODEL))
    rows = probes(model.booster, rows_of(loaded.card.canary))
    made = export(model, rows)
    where = _put(options.shelf, folder / chosen, loaded.card, made) if out is None else out.expanduser()
    if out is not None:
        write_whole(where, made.content)
    if options.json:
        put_json({"from": loaded.name, "file": str(where), "rows": len(rows), "farthest": made.farthest})
    else:
        print(f"{loaded.name} as ONNX: {where}; {len(rows):,} rows scored, at most {made.farthest:.1g} away")
    return 0


def _newest_trees(folder: Path) -> str:
    """The newest version that is LightGBM's; empty where there is none."""
    found = (
        name for name in reversed(files.versions(folder)) if files.read_card(folder / name).kind == "lightgbm"
    )
    return next(found, "")


def _put(root: Path, origin: Path, card: Card, made: "Exported") -> Path:
    """A version of its own, with the report of the one it was made from; answers its folder."""
    report = files.read_whole(origin / files.REPORT, files.LARGEST_REPORT).decode(errors="replace")
    kept = write_version(root, _exported(card, made.imputation), made.content, report)
    return origin.with_name(kept.version)


def _exported(card: Card, imputation: tuple[float, ...]) -> Card:
    remark = f"Exported from {card.version} to ONNX."
    reasons = (*card.reasons, remark)
    return replace(card, version="", kind="onnx", imputation=imputation, model_sha256="", reasons=reasons)


def _hash_of(names: Sequence[str]) -> str:
    return feature_set(names).hash
