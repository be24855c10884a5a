"""Whose model speaks for a symbol: its own, else its cluster's, else the strategy's general one, else none."""

GENERAL = "_general"


def cluster_name(cluster: int) -> str:
    """The name under which a cluster's models lie."""
    return f"_cluster-{cluster}"


def candidates(symbol: str, cluster: int | None) -> tuple[str, ...]:
    """Names whose models may speak for a symbol, best first. `cluster` None: it is in none."""
    return (symbol, *(() if cluster is None else (cluster_name(cluster),)), GENERAL)
