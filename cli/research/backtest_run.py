"""`quarterdeck backtest`: ask, trade, sum up, keep, show."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path

from bot.domain.decision import Decision
from bot.domain.errors import ConfigError
from bot.domain.guard import Limits
from cli.research.again import told_again
from cli.research.backtest_ask import FAST, FIRST_MS, LAST_MS, Asked, asked_of, home_of
from cli.research.backtest_options import BacktestOptions
from cli.research.code_mark import code_mark
from cli.research.kept import Keeping, named, put_json, written
from cli.research.phantom_file import check_phantoms, write_phantoms
from cli.research.progress_view import progress
from research.backtest.look_ahead import LookAhead, look_ahead
from research.backtest.walk import Walk, walk_forward, walk_row
from research.backtest.windows import Run as Way
from research.backtest.windows import run_window
from research.progress import Tell
from research.results.checks import Check, Kind, checks_of
from research.results.files import (
    COMPARED,
    ResultFileError,
    Run,
    data_mark,
    document,
    keep,
    packed,
    read_result,
)
from research.results.outcome import Outcome
from research.results.rows import Row
from research.results.statistics import Summary, summary_of

FOUND, WELL = 1, 0
LOOK_AHEAD_SEED = 1

type Heard = Callable[[Decision], None]


@dataclass(frozen=True, slots=True)
class Result:
    """What the command found out; `content` is the result file."""

    asked: Asked
    outcome: Outcome
    summary: Summary
    checks: tuple[Check, ...]
    walk: Walk | None
    looked: LookAhead | None
    content: Row
    notes: list[str]

    @property
    def sound(self) -> bool:
        """The books agree and nobody looks ahead."""
        books = all(check.passed for check in self.checks if check.kind is Kind.BOOKS)
        return books and (self.looked is None or self.looked.clean)


@dataclass(slots=True)
class Files:
    """Where the files of a run were written; None: not asked for, or not written."""

    result: Path | None = None
    page: Path | None = None
    phantoms: Path | None = None


def run_backtest_line(options: BacktestOptions) -> int:
    """Run it; 1 when the books do not agree, the strategy looks ahead, a repeated run came out differently, or a file
    could not be written."""
    check_phantoms(options)
    if options.repeat:
        return _repeat(options)
    asked, decisions = asked_of(options), list[Decision]()
    result = result_of(options, asked, decisions.append if options.phantoms else None)
    keeping, files = Keeping(), Files()
    if options.phantoms:
        files.phantoms = keeping.file(
            "the phantoms were not written", lambda: write_phantoms(options, asked, decisions)
        )
    files.result = keeping.result(lambda: _keep(options, result))
    if options.html:
        files.page = keeping.file("the page was not written", lambda: _write_page(options, result))
    if options.json:
        put_json({**result.content, "file": named(files.result)})
    else:
        _show(result, files)
    return keeping.end(WELL if result.sound else FOUND)


def _show(result: Result, files: Files) -> None:
    from cli.research.backtest_view import show, tell_notes

    show(result.outcome, result.summary, result.checks, result.walk, result.looked)
    tell_notes(result.notes)
    for name, where in (("Result", files.result), ("Page", files.page), ("Phantoms", files.phantoms)):
        if where:
            print(f"{name}: {where}")


def result_of(options: BacktestOptions, asked: Asked, heard: Heard | None = None) -> Result:
    """Trade, judge, check; progress on standard error. `heard` is told of every decision (exact way only)."""
    plan, ground = asked.plan, asked.ground
    with progress("Backtest", json=options.json) as tell:
        outcome = _traded(asked, tell, heard)
    walk = None
    if asked.windows:
        with progress("Walk-forward", unit="folds", json=options.json) as tell:
            walk = walk_forward(plan, ground, _way(asked), asked.windows, asked.market, tell)
    looked = None
    if options.look_ahead:
        with progress("Look-ahead check", json=options.json) as tell:
            looked = look_ahead(plan, ground, seed=LOOK_AHEAD_SEED, tell=tell)
    summary = summary_of(outcome)
    ticks = {symbol: float(one.price_tick) for symbol, one in ground.instruments.items()}
    checks = checks_of(outcome, summary, ground.frames, ticks)
    sections: Row = {"walk_forward": walk_row(walk)} if walk else {}
    sections |= {"look_ahead": _looked_row(looked)} if looked else {}
    content = document(outcome, summary, checks, _run(options, asked), sections)
    notes = [*filter(None, [asked.why]), *outcome.notes, *asked.notes]
    content["notes"] = notes
    return Result(asked, outcome, summary, checks, walk, looked, content, notes)


def _traded(asked: Asked, tell: Tell, heard: Heard | None) -> Outcome:
    way = _way(asked, heard)
    if asked.span_ms == (FIRST_MS, LAST_MS):
        return way(asked.plan, asked.ground, tell)
    outcome = run_window(way, asked.plan, asked.ground, (*asked.span_ms, asked.warmup_bars), tell)
    if outcome is None:
        raise ConfigError("no candles in the time asked for")
    return outcome


def _way(asked: Asked, heard: Heard | None = None) -> Way:
    if asked.way == FAST:
        from research.backtest.fast import run_fast

        return run_fast
    from research.backtest.exact import run_exact

    return run_exact if heard is None else partial(run_exact, heard=heard)


def _run(options: BacktestOptions, asked: Asked) -> Run:
    """The record by which the same can be run again."""
    limits = (
        {name: str(value) for name, value in asdict(asked.plan.limits).items()} if options.limits else None
    )
    return Run(
        command="backtest",
        way=asked.way,
        code=code_mark(),
        config={
            **options.recorded(),
            "parameters": asked.effective,
            "limits_taken": limits,
            "warmup_bars": asked.warmup_bars,
        },
        data={symbol: data_mark(frame) for symbol, frame in asked.ground.frames.items()},
        seed=LOOK_AHEAD_SEED if options.look_ahead else None,
    )


def _looked_row(looked: LookAhead) -> Row:
    return {**asdict(looked), "clean": looked.clean}


def _keep(options: BacktestOptions, result: Result) -> Path:
    """Write the result; answers where. Raises ResultFileError, ConfigError."""
    title = "-".join((result.asked.plan.strategy, _symbols(result.asked), result.asked.ground.timeframe))
    if options.out:
        return written(Path(options.out).expanduser(), packed(result.content))
    return keep(result.content, home_of(options) / "results" / "backtests", title)


def _symbols(asked: Asked) -> str:
    names = tuple(asked.ground.frames)
    return names[0] if len(names) == 1 else f"{len(names)}symbols"


def _write_page(options: BacktestOptions, result: Result) -> Path:
    from research.reports.page import page

    found = page(result.outcome, result.summary, result.checks, result.walk, result.content)
    return written(Path(options.html).expanduser(), found.encode())


def _repeat(options: BacktestOptions) -> int:
    """Run a result file again; equal to the digit or not, and if not, what else is not as it was."""
    before = read_result(Path(options.repeat).expanduser())
    again, limits = _recorded(before, options)
    after = result_of(again, asked_of(again, limits))
    return told_again(Path(options.repeat), before, after.content, COMPARED, options.json)


def _recorded(
    before: Mapping[str, object], options: BacktestOptions
) -> tuple[BacktestOptions, Limits | None]:
    """The options and limits of a recorded run; one line where they cannot be those of a backtest."""
    run = before["run"]
    config = dict(run["config"]) if isinstance(run, dict) and isinstance(run.get("config"), dict) else {}
    taken = config.pop("limits_taken", None)
    config.pop("parameters", None)
    config.pop("warmup_bars", None)
    try:
        if not isinstance(run, dict) or run.get("command") != "backtest":
            raise ValueError("command")
        return BacktestOptions.asked_again(config, options), _limits(taken)
    except (ValueError, TypeError, ArithmeticError, AttributeError) as error:
        raise ResultFileError(f"{options.repeat}: not the record of a backtest ({error})") from None


def _limits(taken: object) -> Limits | None:
    if not isinstance(taken, dict):
        return None
    usual = Limits()
    found: dict[str, bool | int | Decimal] = {}
    for name, text in taken.items():
        default = getattr(usual, name)
        found[name] = text == "True" if isinstance(default, bool) else type(default)(str(text))
    return replace(usual, **found)  # type: ignore[arg-type]
