"""`quarterdeck ml install`: a model of another hand becomes a version, after every check that a trained one passes."""

from dataclasses import replace
from pathlib import Path

from bot.domain.errors import ConfigError
from bot.ml import files
from bot.ml.card import Card, card_of
from bot.ml.registry import feature_set
from bot.ml.writing import write_version
from cli.research.kept import put_json
from cli.research.ml_options import MlOptions

NO_REPORT = "<p>This model was made elsewhere; its card is all that is known of it.</p>"


def run_install(options: MlOptions, card: Path, model: Path, report: Path | None, use: bool) -> int:
    """Write them as a new version of the place that the card names; `use`: and use it from the next bar on."""
    found = card_of(files.read_whole(card.expanduser(), files.LARGEST_CARD), card.name)
    _check_features(found, card.name)
    replace(options, strategy=found.strategy).registry.strategy_class(
        found.strategy
    )  # there is such a strategy
    content = files.read_whole(model.expanduser(), files.LARGEST_MODEL)
    words = _report_of(report)
    kept = write_version(options.shelf, replace(found, version=""), content, words, current=use)
    folder = files.version_folder(options.shelf, kept.strategy, kept.symbol, kept.version)
    name = f"{kept.strategy}/{kept.symbol}/{kept.version}"
    if options.json:
        told = {"model": name, "kind": kept.kind, "in_use": use, "folder": str(folder)}
        put_json(told)
    else:
        print(f"{name} is written{', and counts from the next bar on' if use else ''}: {folder}")
    return 0


def _check_features(card: Card, name: str) -> None:
    """Raises ConfigError where the card's features are others than those computed here."""
    known = feature_set(card.features).hash
    if known != card.feature_hash:
        raise ConfigError(
            f"{name}: feature_hash is {card.feature_hash[:12]}..., these features are {known} here"
        )


def _report_of(path: Path | None) -> str:
    if path is None:
        return NO_REPORT
    try:
        return files.read_whole(path.expanduser(), files.LARGEST_REPORT).decode()
    except UnicodeDecodeError:
        raise ConfigError(f"{path.name}: is not UTF-8 text") from None
