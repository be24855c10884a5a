"""Who does long work: this process while it is short, processes when it is not, a cluster when one is named."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from research.work.port import WorkError, Workers

MOST_WORKERS = 256


@contextmanager
def open_workers(count: int = 0, cluster: str = "", ready: Sequence[str] = ()) -> Iterator[Workers]:
    """Workers for the block. `count` 0: one a core; `cluster`: a Dask scheduler at tcp://host:port.

    `ready` are modules that processes of this machine have read before they are given anything. One worker works
    within this process. Raises WorkError when the cluster cannot be used or the count makes no sense.
    """
    if not 0 <= count <= MOST_WORKERS:
        raise WorkError(f"workers {count} is not allowed; allowed: 1 to {MOST_WORKERS}, 0: one a core")
    if cluster:
        from research.work.cluster import open_cluster

        with open_cluster(cluster, count) as found:
            yield found
        return
    from research.work.processes import Processes

    crew = Processes(count or cores(), patient=not count, ready=ready)
    try:
        yield crew
    except BaseException:
        crew.stop()
        raise
    crew.close()


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
