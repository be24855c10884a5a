"""How long work is spread: the same call for processes of this machine and for a cluster."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from bot.domain.errors import QuarterdeckError

TRIES = 3
"""So often a task may end its worker before it is given up."""


class WorkError(QuarterdeckError):
    """Work cannot be spread or a task keeps ending its workers; one line says which and what helps."""


class Workers(Protocol):
    """A crew of workers. A worker that dies loses nothing: its task is given to another, three times at most."""

    @property
    def count(self) -> int:
        """How many work side by side."""
        ...

    @property
    def remote(self) -> bool:
        """True when they may not see this machine's files: tasks must carry what they need."""
        ...

    def results[Task, Result](
        self, work: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[tuple[int, Result]]:
        """(index of the task, result) as they come. `work` must be importable; what it raises is raised here."""
        ...


def called(tasks: Sequence[object], index: int) -> str:
    """A task in messages: its number, and what it says about itself."""
    task = tasks[index]
    says = "" if type(task).__str__ is object.__str__ else f" ({str(task)[:80]})"
    return f"task {index + 1} of {len(tasks)}{says}"
