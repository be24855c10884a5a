"""`quarterdeck sizing`: how much to risk, from a result file or a fresh backtest."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from bot.domain.errors import ConfigError
from cli.research.again import told_again
from cli.research.asked import asked_again, recorded
from cli.research.code_mark import code_mark
from cli.research.kept import Keeping, told, written
from cli.research.progress_view import progress
from cli.research.sweep_options import SweepOptions, known_of, plan_of, workers_of
from cli.research.sweep_view import print_table
from research.results.files import FORMAT, ResultFileError, keep, read_result
from research.sweep.counting import LookTask, looked, merged, stop_share
from research.sweep.document import run_row
from research.sweep.grid import Listed
from research.sweep.sizing import (
    QUANTILES,
    Answer,
    Question,
    Spread,
    Trades,
    sized,
    tolerance_of,
    trades_from,
)
from research.sweep.words import share, signed_share

HEADS = ("", "Ruin", "Beyond tolerance", "Drawdown 50 %", "95 %", "99 %", "Growth 5 %", "50 %", "95 %")
MOST_RISK = 100.0
FOLDER = Path("results") / "sizing"
SECTIONS = ("sizing",)


@dataclass(frozen=True, slots=True)
class SizingOptions:
    """What only sizing asks; risk and ruin in per cent, `result` a result file of a backtest or nothing."""

    result: str = ""
    tolerance: str = ""
    risk: float = 1.0
    ruin: float = 50.0
    paths: int = 5_000


@dataclass(frozen=True, slots=True)
class Sized:
    """What came of it; `content` is the result file."""

    answer: Answer
    question: Question
    content: dict[str, object]


def run_sizing(options: SweepOptions, own: SizingOptions, picture: Path | None, repeat: Path | None) -> int:
    """Draw, say what to risk, keep it; or run a result file again."""
    if repeat is not None:
        before = read_result(repeat, "sizing")
        again, said = asked_again(before, "sizing", repeat, options, asdict(SizingOptions()))
        after = _sized(again, SizingOptions(**said)).content  # type: ignore[arg-type]
        return told_again(repeat, before, after, SECTIONS, options.json)
    found = _sized(options, own)
    keeping, title = Keeping(), f"sizing-{found.answer.trades}trades"
    path = keeping.result(lambda: keep(found.content, options.folder / FOLDER, title))
    if picture is not None:
        keeping.file("the picture was not written", lambda: _draw(found, picture))
    told(found.content, path, options.json, lambda: _show(found.answer, found.question))
    return keeping.end()


def _draw(found: Sized, picture: Path) -> Path:
    from research.sweep.pictures import fall_map

    title = f"Monte Carlo of {found.answer.trades} trades"
    return written(picture, fall_map(found.answer, found.question, title))


def _sized(options: SweepOptions, own: SizingOptions) -> Sized:
    question = _question(options, own)
    trades, origin = _of_result(Path(own.result).expanduser()) if own.result else _fresh(options)
    with progress("Monte Carlo", unit="rounds", json=options.json) as tell:
        answer = sized(trades, question, tell)
    run = {**origin, "format": FORMAT, "seed": question.seed, "asked": recorded(options, asdict(own))}
    return Sized(answer, question, {**_row(answer, question), "run": run})


def _question(options: SweepOptions, asked: SizingOptions) -> Question:
    for name, value, most in (("--risk", asked.risk, MOST_RISK), ("--ruin", asked.ruin, 100.0)):
        if not 0 < value <= most:
            raise ConfigError(f"{name} {value:g} is not allowed; allowed: above 0 to {most:g} per cent")
    return Question(
        asked.risk / 100, tolerance_of(asked.tolerance), asked.ruin / 100, asked.paths, options.seed
    )


def _of_result(path: Path) -> tuple[Trades, dict[str, object]]:
    """The trades of a result file, in the order of their exits."""
    content = read_result(path)
    rows = content.get("trades")
    try:
        found = sorted(
            rows if isinstance(rows, list) else [], key=lambda row: (row["exit_at_ms"], row["entry_at_ms"])
        )
        returns = np.array([float(row["net_return"]) for row in found])
        stops = np.array(
            [stop_share(float(row["entry_price"]), float(row.get("stop_price") or 0)) for row in found]
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ResultFileError(f"{path}: its trades lack net_return, entry_price or their times") from None
    if not np.isfinite(returns).all() or not np.isfinite(stops).all():
        raise ResultFileError(f"{path}: its trades hold figures that are no numbers")
    return trades_from(returns, stops), {"command": "sizing", "code": code_mark(), "of": content["run"]}


def _fresh(options: SweepOptions) -> tuple[Trades, dict[str, object]]:
    """The trades of a backtest by the rules alone."""
    plan = plan_of(options, Listed(()))
    with workers_of(options) as workers:
        with progress("Candles", unit="symbols", json=options.json) as tell:
            known = known_of(options, workers, tell)
        tasks = [LookTask(one.source, plan, (plan.fixed,), one.beside) for one in known]
        found = sorted(workers.results(looked, tasks), key=lambda pair: pair[0])
    joint = merged([look[0] for _, look in found])
    return trades_from(joint.net_return, joint.stop_share), run_row("sizing", plan, known)


def _row(answer: Answer, question: Question) -> dict[str, object]:
    return {
        "sizing": {
            "trades": answer.trades,
            "unit": "risk" if answer.by_risk else "notional",
            "mean_multiple": answer.mean,
            "paths": answer.paths,
            "block": answer.block,
            "risk": question.risk,
            "ruin_loss": question.ruin,
            "tolerance": asdict(question.tolerance),
            "as_it_was": {"drawdown": answer.drawdown, "growth": answer.growth},
            "at_risk": [_spread_row(one) for one in answer.spreads],
            "suggested_risk": answer.suggested,
            "at_suggested": [_spread_row(one) for one in answer.at_suggested],
        }
    }


def _spread_row(spread: Spread) -> dict[str, object]:
    names = [f"{round(100 * part)}%" for part in QUANTILES]
    return {
        "way": spread.way,
        "ruin_probability": spread.ruin,
        "beyond_tolerance": spread.beyond,
        "drawdown": dict(zip(names, spread.drawdown_quantiles, strict=True)),
        "growth": dict(zip(names, spread.growth_quantiles, strict=True)),
    }


def _show(answer: Answer, question: Question) -> None:
    unit = "risked" if answer.by_risk else "worth (no stops are known)"
    print(
        f"{answer.trades} trades, {answer.paths:,} paths each, blocks of {answer.block}; at {100 * question.risk:g} % "
        f"of equity {unit} a trade it was: growth {signed_share(answer.growth)}, drawdown {share(answer.drawdown)}"
    )
    rows = [_cells(f"{one.way} at {100 * question.risk:g} %", one) for one in answer.spreads]
    rows += [_cells(f"{one.way} at {100 * (answer.suggested or 0):g} %", one) for one in answer.at_suggested]
    print_table(HEADS, rows)
    print(_advice(answer, question))


def _cells(name: str, one: Spread) -> tuple[str, ...]:
    falls = dict(zip(QUANTILES, one.drawdown_quantiles, strict=True))
    grown = dict(zip(QUANTILES, one.growth_quantiles, strict=True))
    return (
        name,
        share(one.ruin),
        share(one.beyond),
        *(share(falls[part]) for part in (0.5, 0.95, 0.99)),
        *(signed_share(grown[part]) for part in (0.05, 0.5, 0.95)),
    )


def _advice(answer: Answer, question: Question) -> str:
    limit = question.tolerance
    asked = f"a drawdown beyond {100 * limit.drawdown:g} % with a chance of at most {100 * limit.chance:g} %"
    if answer.suggested is None:
        return f"! the trades lost on average ({answer.mean:+.3f} a trade): no risk is suggested"
    if answer.suggested == 0:
        return f"! no risk is small enough for {asked}"
    return f"Suggested: {100 * answer.suggested:g} % of equity per trade, for {asked}."
