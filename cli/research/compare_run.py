"""`quarterdeck compare`: candidates side by side."""

from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from bot.domain.errors import ConfigError
from bot.strategy import Value
from cli.research.again import told_again
from cli.research.asked import asked_again, recorded
from cli.research.backtest_words import parameters_of
from cli.research.kept import kept_and_told
from cli.research.progress_view import progress
from cli.research.sweep_options import SweepOptions, known_of, plan_of, workers_of
from cli.research.sweep_view import print_notes, print_table
from research.results.files import read_result
from research.sweep.comparing import Candidate, Showing, compared
from research.sweep.document import run_row, set_words
from research.sweep.grid import Listed
from research.sweep.plan import SweepPlan
from research.sweep.source import Known
from research.sweep.words import share, signed_share

HEADS = (
    "Candidate", "Trades", "Won", "Factor", "1st half", "2nd half", "Net", "A trade", "Drawdown", "Losing run", "t",
)  # fmt: skip
IN_USE = "production"
FOLDER = Path("results") / "compare"
SECTIONS = ("candidates",)


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """What only compare asks: candidates as they were written, strategies, a sweep's result file."""

    candidates: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()
    sweep: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of it; `content` is the result file."""

    plan: SweepPlan
    known: tuple[Known, ...]
    shown: tuple[Showing, ...]
    content: dict[str, object]


def run_compare(options: SweepOptions, own: CompareOptions, repeat: Path | None) -> int:
    """Compare and keep; or run a result file again."""
    if repeat is not None:
        before = read_result(repeat, "compare")
        again, said = asked_again(before, "compare", repeat, options, asdict(CompareOptions()))
        after = _compared(again, CompareOptions(**said)).content  # type: ignore[arg-type]
        return told_again(repeat, before, after, SECTIONS, options.json)
    found = _compared(options, own)
    title = f"compare-{found.plan.strategy}-{_symbols(found.known)}"
    return kept_and_told(found.content, options.folder / FOLDER, title, options.json, lambda: _show(found))


def _symbols(known: tuple[Known, ...]) -> str:
    return known[0].symbol if len(known) == 1 else f"{len(known)}symbols"


def _compared(options: SweepOptions, own: CompareOptions) -> Compared:
    """What is in use always stands beside the others."""
    plan = plan_of(options, Listed(()))
    candidates = _candidates(options, own)
    with workers_of(options) as workers:
        with progress("Candles", unit="symbols", json=options.json) as tell:
            known = known_of(options, workers, tell)
        with progress("Compare", unit="backtests", json=options.json) as tell:
            shown = compared(plan, candidates, known, workers, tell)
    run = {**run_row("compare", plan, known), "asked": recorded(options, asdict(own))}
    notes = [note for one in known for note in one.notes]
    content: dict[str, object] = {"candidates": [_row(one) for one in shown], "notes": notes, "run": run}
    return Compared(plan, known, shown, content)


def _candidates(options: SweepOptions, own: CompareOptions) -> list[Candidate]:
    found = [Candidate(IN_USE, options.trading, {})]
    found += [Candidate(name, _known_strategy(options, name), {}) for name in own.strategies[1:]]
    found += [_candidate(options, group) for group in own.candidates]
    if own.sweep:
        found += _best_of(options, Path(own.sweep).expanduser())
    if len(found) < 2:
        raise ConfigError("nothing to compare with production; name candidates: --set, --strategy or --sweep")
    return found


def _show(found: Compared) -> None:
    print_table(HEADS, [_cells(one) for one in found.shown])
    few = [one.candidate.name for one in found.shown if not one.enough]
    if few:
        print(f"! fewer than {found.plan.least} trades, the figures mean nothing: {', '.join(few)}")
    print_notes(found.known)


def _known_strategy(options: SweepOptions, name: str) -> str:
    options.registry.strategy_class(name)
    return name


def _candidate(options: SweepOptions, group: str) -> Candidate:
    """`k=v k=v`, or `name: k=v k=v`."""
    name, colon, rest = group.partition(":")
    named = bool(colon) and "=" not in name
    words = (rest if named else group).split()
    if not words:
        raise ConfigError(f'--set {group[:60]!r} is not allowed; allowed: "k=v k=v" or "name: k=v k=v"')
    parameters = parameters_of(options.registry, options.trading, words)
    return Candidate(name.strip() if named else set_words(parameters), options.trading, parameters)


def _best_of(options: SweepOptions, path: Path) -> list[Candidate]:
    """The best set of each section of a sweep's result file."""
    try:
        found = orjson.loads(path.read_bytes())
        strategy, sections, fixed = (
            found["sweep"]["strategy"],
            found["sections"],
            found["run"]["config"]["fixed"],
        )
        bests: list[tuple[str, dict[str, Value]]] = [
            (one["title"], {**fixed, **one["best"]["set"]}) for one in sections if one["best"]
        ]
    except OSError as error:
        raise ConfigError(f"--sweep {path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise ConfigError(f"--sweep {path}: is no result file of `quarterdeck sweep`") from None
    if not bests:
        raise ConfigError(f"--sweep {path}: holds no best set, none had enough trades")
    return [
        Candidate(
            f"best of {title}",
            _known_strategy(options, str(strategy)),
            {key: options.registry.checked(strategy, key, value) for key, value in best.items()},
        )
        for title, best in bests
    ]


def _cells(one: Showing) -> tuple[str, ...]:
    return (
        one.candidate.name if one.candidate.name != IN_USE else f"{IN_USE} ({one.candidate.strategy})",
        str(one.trades),
        share(one.win_rate),
        _plain(one.profit_factor),
        *(_plain(half) for half in one.halves),
        signed_share(one.net),
        f"{100 * one.expectancy:+.3f} %" if one.expectancy is not None else "–",
        share(one.drawdown),
        str(one.longest_losing_run),
        f"{one.luck.t:.1f}" if one.luck else "–",
    )


def _plain(value: float | None) -> str:
    return f"{value:.2f}" if value is not None else "–"


def _row(one: Showing) -> dict[str, object]:
    derived = {
        "win_rate": one.win_rate,
        "profit_factor": one.profit_factor,
        "expectancy": one.expectancy,
        "t": one.luck.t if one.luck else None,
    }
    figures = {key: value for key, value in asdict(one).items() if key not in {"candidate", "luck"}}
    return {**asdict(one.candidate), **figures, **derived}
