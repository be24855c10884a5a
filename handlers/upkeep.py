"""What the composition root lends to the commands that look after the process: log lines, jobs, the configuration."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bot.domain.refusal import Refused
from bot.runtime.desk import JobView
from bot.runtime.log import LogLine
from handlers.command import Injected


def no_lines(limit: int, level: str) -> Sequence[LogLine]:
    """No log is kept."""
    return ()


@dataclass(frozen=True, slots=True)
class LogBook(Injected):
    """`recent` gives the newest lines of at least a level, oldest first, secrets taken out already."""

    recent: Callable[[int, str], Sequence[LogLine]] = no_lines


async def no_jobs(job_id: str) -> JobView | Refused:
    """Nothing is scheduled."""
    return Refused("job", f"no job {job_id!r}; none are scheduled here")


@dataclass(frozen=True, slots=True)
class JobRunner(Injected):
    """`run` runs a job now and answers how it went."""

    run: Callable[[str], Awaitable[JobView | Refused]] = no_jobs


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What came of reading the configuration again: keys with before and after. With `problems` nothing was applied."""

    applied: tuple[tuple[str, str, str], ...] = ()
    needs_restart: tuple[tuple[str, str, str], ...] = ()
    problems: tuple[str, ...] = ()


async def nothing_to_reload(actor: str) -> Reloaded:
    """There is no file."""
    return Reloaded(problems=("this desk was started without a file to read again",))


@dataclass(frozen=True, slots=True)
class Reload(Injected):
    """`again` checks the configuration as it is now and applies what can change while the desk runs.

    Its argument is who asked ("platform:user_id"). Nothing is applied unless all of it is valid.
    """

    again: Callable[[str], Awaitable[Reloaded]] = nothing_to_reload
