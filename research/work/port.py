"""How long work is spread: the same call for processes of this machine and for a cluster."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol


class Workers(Protocol):
    """A crew of workers. A worker that dies loses nothing: its task is given to another, three times at most."""

    @property
    def count(self) -> int:
        """How many work side by side."""
        ...

    def results[Task, Result](
        self, work: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[tuple[int, Result]]:
        """(index of the task, result) as they come. `work` must be importable; what it raises is raised here."""
        ...
