"""A Dask cluster as workers: `dask scheduler` and `dask worker` of the extra `cluster`, started by whoever owns them.

Workers need this version of Quarterdeck installed, nothing else: tasks carry their candles.
"""

import contextlib
import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Any, Protocol, cast

from research.work.port import TRIES, WorkError, called

CONNECT_S = 10
LONELY_S = 60
"""A cluster may be without any worker for so long, while a lost one is being replaced."""
LOOK_S = 2.0
AHEAD = 2


class Future(Protocol):
    """What we use of a Dask future."""

    def result(self, timeout: float) -> Any:
        """What the task came to; raises what it raised."""
        ...

    def add_done_callback(self, fn: "Callable[[Future], None]") -> None:
        """Have `fn` called when it is done, however it ended."""
        ...


class Client(Protocol):
    """What we use of a Dask client."""

    status: str

    def submit(self, work: Callable[..., object], task: object, *, pure: bool, retries: int) -> Future:
        """Give a task to the cluster."""
        ...

    def nthreads(self) -> dict[str, int]:
        """Threads by worker."""
        ...

    def close(self, timeout: float) -> None:
        """Let go of the cluster."""
        ...


@contextmanager
def open_cluster(address: str, most: int = 0) -> Iterator["Cluster"]:
    """A cluster's workers for the block, `most` tasks at a time (0: two a thread). Raises WorkError."""
    if not re.fullmatch(r"(tcp|tls)://[^\s/?#]+:[0-9]{1,5}", address):
        raise WorkError(f"--cluster {address[:80]}: is no address of a scheduler; allowed: tcp://HOST:PORT")
    try:
        import distributed
    except ImportError:
        raise WorkError(
            "--cluster needs Dask, which is not installed; install quarterdeck[cluster]"
        ) from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client = cast(Client, distributed.Client(address, timeout=CONNECT_S, set_as_default=False))  # type: ignore[no-untyped-call]
    except (OSError, ValueError, RuntimeError):
        raise WorkError(
            f"--cluster {address}: no Dask scheduler answers there within {CONNECT_S} s; start it with `dask scheduler`"
        ) from None
    try:
        yield Cluster(client, address, most)
    finally:
        with contextlib.suppress(OSError, TimeoutError):  # it may be gone by now
            client.close(timeout=LOOK_S)


class Cluster:
    """Workers behind a Dask scheduler, which hands a lost worker's tasks to others."""

    remote = True

    def __init__(self, client: "Client", address: str, most: int) -> None:
        """`most` bounds the tasks that are out at a time; 0: two a thread."""
        self._client = client
        self._address = address
        self._most = most

    @property
    def count(self) -> int:
        """Threads of all workers there are now, at least 1."""
        return max(1, self._threads())

    def results[Task, Result](
        self, work: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[tuple[int, Result]]:
        """Results as they come; see the port. WorkError when the cluster goes away."""
        self._awaited()
        landed: SimpleQueue[Future] = SimpleQueue()
        flying: dict[Future, int] = {}
        following = iter(range(len(tasks)))
        while True:
            room = (self._most or self.count * AHEAD) - len(flying)
            for index in islice(following, max(0, room)):  # a lost worker may have made it negative
                future = self._client.submit(work, tasks[index], pure=False, retries=0)
                flying[future] = index
                future.add_done_callback(landed.put)
            if not flying:
                return
            future = self._next(landed)
            index = flying.pop(future)
            yield index, self._result(future, tasks, index)

    def _next(self, landed: "SimpleQueue[Future]") -> Future:
        """The next future that is done, however long it takes while there are workers."""
        while True:
            try:
                return landed.get(timeout=LOOK_S)
            except Empty:
                self._awaited()

    def _result(self, future: Future, tasks: Sequence[object], index: int) -> Any:
        from distributed import CancelledError
        from distributed.scheduler import KilledWorker

        try:
            return future.result(timeout=LONELY_S)
        except KilledWorker:
            raise WorkError(
                f"{called(tasks, index)} ended its worker {TRIES} times on {self._address}"
            ) from None
        except (CancelledError, TimeoutError, OSError):
            raise self._gone() from None

    def _awaited(self) -> None:
        """Wait until there is a worker."""
        until = time.monotonic() + LONELY_S
        while not self._threads():
            if time.monotonic() > until:
                raise WorkError(f"cluster {self._address}: it has no worker; start some with `dask worker`")
            time.sleep(LOOK_S / 4)

    def _threads(self) -> int:
        if self._client.status != "running":
            raise self._gone()
        try:
            return sum(self._client.nthreads().values())
        except (OSError, TimeoutError):
            raise self._gone() from None

    def _gone(self) -> WorkError:
        return WorkError(f"cluster {self._address}: its scheduler went away; results before it are kept")
