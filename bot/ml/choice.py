"""Whose model speaks for a symbol: its own, else its cluster's, else the strategy's general one, else none."""

from bot.domain.model import GENERAL, cluster_name


def candidates(symbol: str, cluster: int | None) -> tuple[str, ...]:
    """Names whose models may speak for a symbol, best first. `cluster` None: it is in none."""
    return (symbol, *(() if cluster is None else (cluster_name(cluster),)), GENERAL)
