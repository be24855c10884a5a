"""docs/venues.md says what is true: its fault file is taken, its commands and names exist."""

import re
from pathlib import Path
from textwrap import dedent

from bot.config import load_text
from sandbox.exchange.serving.fault_file import load_faults
from sandbox.exchange.serving.venues import VENUES
from sandbox.exchange.serving.world import ACTIONS

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "venues.md").read_text(encoding="utf-8")


def block(beginning: str) -> str:
    """The indented lines that begin so."""
    lines = TEXT.splitlines()
    first = next(n for n, line in enumerate(lines) if line.strip().startswith(beginning))
    last = next(n for n in range(first, len(lines)) if not lines[n].strip())
    return dedent("\n".join(lines[first:last]))


def test_the_fault_file_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text(block("seed: 3"), encoding="utf-8")
    plan = load_faults(file)
    assert (plan.seed, len(plan.rules)) == (3, 4)


def test_the_first_testnet_configuration_is_taken(tmp_path: Path) -> None:
    settings = load_text(block("mode: testnet"), tmp_path, {}).settings
    assert (settings.mode, settings.venue.name, settings.symbols[0].leverage) == ("testnet", "binance", 3)


def test_control_calls_that_are_named_exist() -> None:
    named = re.search(r"moves the world: (.*?), and", TEXT, re.DOTALL)
    assert named is not None
    words = set(re.findall(r"[a-z]+", named[1]))
    assert words <= {name.split()[0] for name in ACTIONS} | set(ACTIONS)


def test_both_venues_are_told_of() -> None:
    assert {"binance", "bybit"} == set(VENUES)
    assert "**Binance USDⓈ-M**" in TEXT
    assert "**Bybit v5, linear**" in TEXT
