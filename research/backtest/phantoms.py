"""Phantoms of an exact backtest: every signal that reached the gates, followed alone over the candles of the run."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from io import StringIO

from bot.domain.decision import Decision
from bot.ml.phantom import Ending, Followed, Terms, candles_since, follow_all, phantom_of
from research.backtest.ground import Ground
from research.results.plan import Rules
from research.results.rows import Row


def followed(
    decisions: Sequence[Decision], ground: Ground, rules: Rules, lookahead: int, standard_notional: float
) -> tuple[Followed, ...]:
    """Each decision's signal to its end, in their order; without an end where the candles are over before it.

    A bar that reaches both levels fills the stop, whatever the rules of the backtest say; funding is left out.
    """
    found = []
    for decision in decisions:
        frame = ground.frames[decision.signal.symbol]
        terms = Terms(frame.timeframe_ms, lookahead, float(rules.slippage), float(rules.fee))
        phantom = phantom_of(decision, terms, standard_notional=standard_notional)
        if phantom is not None:
            path = follow_all(phantom, None, candles_since(frame, phantom.bar_at_ms))
            found.append(Followed(phantom, path if isinstance(path, Ending) else None))
    return tuple(found)


def row_of(one: Followed) -> Row:
    """The columns of the desk's table of phantoms; those of the end are None until it has come."""
    phantom = asdict(one.phantom)
    terms, vector = phantom.pop("terms"), phantom.pop("vector")
    ending = asdict(one.ending) if one.ending else dict.fromkeys(field.name for field in fields(Ending))
    features = {"features": list(vector["values"]), "feature_hash": vector["hash"]}
    return {**phantom, **terms, **features, **ending}


def csv_of(rows: Sequence[Row]) -> bytes:
    """The same as CSV, features apart by spaces."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if rows:
        writer.writerow(list(rows[0]))
    writer.writerows(list(_cells(row)) for row in rows)
    return out.getvalue().encode()


def _cells(row: Row) -> Iterator[object]:
    for value in row.values():
        yield " ".join(map(repr, value)) if isinstance(value, list) else "" if value is None else value
