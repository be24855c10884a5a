"""From counted sets to what people read: ranked, walked forward, judged, by symbol or jointly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.domain.errors import ConfigError
from bot.strategy import Value
from research.backtest.folds import Fold, folds
from research.sweep.counting import Counted, Looked, deepest_fall, merged
from research.sweep.figures import SetFigures, Sums, added, figures_at, ranking, rows_of, sums_of
from research.sweep.judging import (
    Evidence,
    Luck,
    Neighbourhood,
    Verdict,
    luck_of,
    neighbourhood,
    ratio_of,
    verdicts,
)
from research.sweep.plan import SweepPlan
from research.sweep.source import Known
from research.sweep.walking import Walk, walked

COMBINED = "combined"


@dataclass(frozen=True, slots=True)
class Course:
    """A section to be: its symbols, its folds, and why it has none."""

    title: str
    known: tuple[Known, ...]
    folds: tuple[Fold, ...]
    notes: tuple[str, ...]

    @property
    def range_ms(self) -> tuple[int, int]:
        """From the first bar of any symbol to the end of the last."""
        return min(one.first_ms for one in self.known), max(one.end_ms for one in self.known)

    @property
    def windows(self) -> tuple[tuple[int, int], ...]:
        """The whole, then train and test of each fold."""
        found = [self.range_ms]
        for fold in self.folds:
            found += [(fold.train_from_ms, fold.train_to_ms), (fold.test_from_ms, fold.test_to_ms)]
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Section:
    """What the sets came to over one symbol, or over several jointly.

    `rows` are all sets by index, `order` their indices from the best on, `able` how many have enough trades; `best` is
    None when none has. `production_rank` is the place production has or would have; `by_symbol` the best set's part of
    each symbol (several symbols only).
    """

    course: Course
    rows: tuple[SetFigures, ...]
    order: tuple[int, ...]
    able: int
    best: SetFigures | None
    production: SetFigures
    production_rank: int
    by_symbol: Mapping[str, SetFigures]
    around: Neighbourhood | None
    walk: Walk | None
    luck: Luck | None = None
    ratio: float | None = None
    verdicts: tuple[Verdict, ...] = ()


def courses(plan: SweepPlan, known: Sequence[Known]) -> tuple[Course, ...]:
    """One for each symbol, or one for all of them jointly."""
    if plan.combined:
        return (_course(plan, COMBINED, tuple(known)),)
    return tuple(_course(plan, one.symbol, (one,)) for one in known)


def _course(plan: SweepPlan, title: str, known: tuple[Known, ...]) -> Course:
    bare = Course(title, known, (), ())
    if plan.windows is None:
        return bare
    try:
        return replace(bare, folds=folds(*bare.range_ms, *plan.windows))
    except ConfigError as error:  # a symbol that is too young has no walk-forward, the others do
        return replace(bare, notes=(str(error),))


def ranked(plan: SweepPlan, course: Course, parts: Sequence[Counted]) -> Section:
    """Rank the sets and walk them forward; luck, drawdowns of several symbols and verdicts come with `finished`."""
    sets = plan.grid.sets()
    spans = [added([sums_of(part.tallies, span) for part in parts]) for span in range(len(course.windows))]
    whole, count = spans[0], len(sets)
    places = ranking(whole, plan.least)
    order = tuple(int(index) for index in places if index < count)
    rows = rows_of(whole, sets)
    able = int((whole.trades[:count] >= plan.least).sum())
    best = rows[order[0]] if able else None
    filed = parts[0].production
    same = all(part.production == filed for part in parts)
    return Section(
        course=course,
        rows=rows,
        order=order,
        able=able,
        best=best,
        production=figures_at(whole, count, filed if same else {}),
        production_rank=_rank(places.tolist(), whole, count),
        by_symbol=_by_symbol(parts, best, sets) if len(parts) > 1 else {},
        around=neighbourhood(plan.grid, rows, best, plan.least) if best else None,
        walk=_walk(plan, course, spans, sets) if course.folds else None,
    )


def _rank(places: Sequence[int], whole: Sums, production: int) -> int:
    """Production's place among the sets: that of the set with the same figures, else the one it would have."""
    before = places[: places.index(production)]
    equal = [
        index
        for index in before
        if whole.trades[index] == whole.trades[production] and whole.net[index] == whole.net[production]
    ]
    return (places.index(equal[0]) if equal else len(before)) + 1


def _by_symbol(
    parts: Sequence[Counted], best: SetFigures | None, sets: Sequence[Mapping[str, Value]]
) -> dict[str, SetFigures]:
    if best is None:
        return {}
    return {part.symbol: figures_at(sums_of(part.tallies, 0), best.index, sets[best.index]) for part in parts}


def _walk(
    plan: SweepPlan, course: Course, spans: Sequence[Sums], sets: Sequence[Mapping[str, Value]]
) -> Walk:
    first_ms, end_ms = course.range_ms
    windows = [(fold, spans[1 + 2 * at], spans[2 + 2 * at]) for at, fold in enumerate(course.folds)]
    return walked(windows, sets, plan.least, end_ms - first_ms)


def finished(plan: SweepPlan, section: Section, looks: Sequence[tuple[Looked, ...]]) -> Section:
    """Add what only the trades tell; `looks` has for each symbol the trades of production and of the best set."""
    joint = [merged([look[place] for look in looks]) for place in range(len(looks[0]))]
    falls = [deepest_fall(one.net_return) for one in joint]
    production = replace(section.production, drawdown=falls[0])
    best, luck = section.best, None
    if best is not None:
        best, luck = (
            replace(best, drawdown=falls[1]),
            luck_of(joint[1].net_return.tolist(), len(section.rows)),
        )
    evidence = Evidence(
        sets=len(section.rows),
        able=section.able,
        least=plan.least,
        pooled=plan.combined,
        best=best,
        around=section.around,
        walk=section.walk,
        luck=luck,
    )
    return replace(
        section,
        rows=tuple(best if best is not None and row.index == best.index else row for row in section.rows),
        best=best,
        production=production,
        luck=luck,
        ratio=ratio_of(best, section.walk),
        verdicts=verdicts(evidence),
    )
