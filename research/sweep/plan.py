"""What a sweep is asked, and its fingerprint."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

import orjson

from bot.strategy import Value
from research.results.plan import Rules
from research.sweep.grid import AnyGrid

LEAST_TRADES = 30
LEAST_TRAINING = 5


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """One sweep. `fixed` are parameters that are the same in every set; all others are those in use.

    `in_use` are by symbol the parameters in use where the strategy's files do not say them (a desk's own). `windows`
    are the walk-forward's train and test window (None: no walk-forward), `from_ms` and `to_ms` bound what is counted.
    A set with fewer than `least` trades is not ranked with the others; a train window needs the share of them that its
    length has in the whole, at least five. `code` says which version this is, `digest` is its sources' (empty: any).
    """

    strategy: str
    grid: AnyGrid
    fixed: Mapping[str, Value] = field(default_factory=dict)
    in_use: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    rules: Rules = field(default_factory=Rules)
    windows: tuple[str, str] | None = ("3m", "1m")
    combined: bool = False
    least: int = LEAST_TRADES
    from_ms: int = 0
    to_ms: int = 1 << 62
    strategy_paths: tuple[str, ...] = ()
    code: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""
    seed: int = 0

    def config(self) -> dict[str, object]:
        """The plan as a result file records it."""
        return {
            "strategy": self.strategy,
            "grid": self.grid.described,
            "sets": len(self.grid),
            "fixed": dict(self.fixed),
            "in_use": {symbol: dict(values) for symbol, values in self.in_use.items()},
            "slippage": str(self.rules.slippage),
            "fee": str(self.rules.fee),
            "both_hit": self.rules.both_hit.value,
            "walk_forward": "/".join(self.windows) if self.windows else None,
            "combined": self.combined,
            "least_trades": self.least,
            "from_ms": self.from_ms or None,
            "to_ms": self.to_ms if self.to_ms < 1 << 62 else None,
            "seed": self.seed,
        }


def fingerprint(*parts: object) -> str:
    """A short name for values that JSON can hold: equal values, equal name."""
    return blake2b(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()
