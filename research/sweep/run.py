"""A sweep from a plan and candles to ranked sets, a walk-forward, and what both are worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from research.progress import Tell, silent
from research.sweep.counting import Counted, CountTask, Looked, LookTask, counted, looked
from research.sweep.plan import SweepPlan, fingerprint
from research.sweep.sections import Course, Section, courses, finished, ranked
from research.sweep.shelf import Shelf
from research.sweep.source import Known
from research.work import Workers


@dataclass(frozen=True, slots=True)
class SweepResult:
    """A whole sweep, a section a symbol or one for all; `resumed` symbols were found counted already."""

    plan: SweepPlan
    known: tuple[Known, ...]
    sections: tuple[Section, ...]
    resumed: int = 0


def sweep(
    plan: SweepPlan, known: Sequence[Known], workers: Workers, tell: Tell = silent, shelf: Shelf | None = None
) -> SweepResult:
    """Count every set over every symbol, then rank and judge. Parts on the shelf that fit are not counted again.

    `tell` hears of bars; Stopped leaves what was counted on the shelf.
    """
    asked = courses(plan, known)
    jobs = [_Job(one, course, plan) for course in asked for one in course.known]
    parts = _found(jobs, shelf)
    resumed = len(parts)
    _count(jobs, parts, workers, tell, shelf)
    drafts = [ranked(plan, course, [parts[one.symbol] for one in course.known]) for course in asked]
    looks = {symbol: part.looks for symbol, part in parts.items() if part.looks}
    looks |= _looks(plan, [one for one in drafts if not _seen(one, looks)], workers)
    sections = tuple(
        finished(plan, draft, [looks[one.symbol] for one in draft.course.known]) for draft in drafts
    )
    return SweepResult(plan, tuple(known), sections, resumed)


@dataclass(frozen=True, slots=True)
class _Job:
    """One symbol's counting."""

    one: Known
    course: Course
    plan: SweepPlan

    @property
    def task(self) -> CountTask:
        """What a worker is given."""
        alone = not self.plan.combined
        return CountTask(self.one.source, self.plan, self.course.windows, self.one.beside, look=alone)

    @property
    def key(self) -> str:
        """Equal for equal candles, sets, windows and code: everything that the symbol's tallies hang on."""
        plan = self.plan
        counted_by = {**plan.config(), "combined": None, "least_trades": None, "code": plan.digest}
        return fingerprint(counted_by, self.one.print, self.course.windows)


def _found(jobs: Sequence[_Job], shelf: Shelf | None) -> dict[str, Counted]:
    """Symbols that were counted before."""
    if shelf is None:
        return {}
    parts = {job.one.symbol: shelf.get(job.one.symbol, job.key) for job in jobs}
    return {symbol: part for symbol, part in parts.items() if part is not None}


def _count(
    jobs: Sequence[_Job], parts: dict[str, Counted], workers: Workers, tell: Tell, shelf: Shelf | None
) -> None:
    """Count what is left into `parts`, and onto the shelf as it comes."""
    left = [job for job in jobs if job.one.symbol not in parts]
    whole = sum(job.one.mark.bars for job in jobs)
    done = whole - sum(job.one.mark.bars for job in left)
    tell(done, whole)
    for place, part in workers.results(counted, [job.task for job in left]):
        job = left[place]
        parts[part.symbol] = part
        if shelf is not None:
            shelf.put(part, job.key)
        done += job.one.mark.bars
        tell(done, whole)


def _seen(draft: Section, looks: Mapping[str, tuple[Looked, ...]]) -> bool:
    """True when whoever counted has looked at the trades already."""
    return all(one.symbol in looks for one in draft.course.known)


def _looks(plan: SweepPlan, drafts: Sequence[Section], workers: Workers) -> dict[str, tuple[Looked, ...]]:
    """The trades of production and of each section's best set, by symbol."""
    tasks = []
    for draft in drafts:
        best = ({**plan.fixed, **draft.best.parameters},) if draft.best else ()
        tasks += [LookTask(one.source, plan, ({}, *best), one.beside) for one in draft.course.known]
    return {tasks[place].source.symbol: look for place, look in workers.results(looked, tasks)}
