"""Work on many symbols at a time in threads: compiled code and Arrow let go of the interpreter's lock."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor


def side_by_side[Task, Result](
    work: Callable[[Task], Result], tasks: Sequence[Task], threads: int = 0
) -> Iterator[Result]:
    """The results in the order of the tasks; at most so many threads, 0: as many as this process has processors.

    What `work` raises is raised here, and what was not begun is not begun any more.
    """
    count = min(threads or len(os.sched_getaffinity(0)), len(tasks))
    if count <= 1:
        yield from map(work, tasks)
        return
    with ThreadPoolExecutor(count) as pool:
        try:
            yield from pool.map(work, tasks)
        finally:
            pool.shutdown(cancel_futures=True)
