"""Recounts sets of a `quarterdeck sweep --combined` file from merged trade lists; knows nothing but the JSON.

python recount_sweep.py SWEEP RANK=BACKTEST...    RANK is a place in the ranking, or "production"; BACKTEST a result
file of `quarterdeck backtest` of that set over the same symbols. Prints what differs; exit code 0 when nothing does.
"""

import json
import math
import sys
from fractions import Fraction


def merged(trades):
    """Net returns in the order of exits, then entries, then symbols."""
    ordered = sorted(trades, key=lambda t: (t["exit_at_ms"], t["entry_at_ms"], t["symbol"]))
    return [Fraction(t["net_return"]) for t in ordered]


def sums(nets):
    """A list of net returns, added up exactly; the deepest fall of their running sum."""
    won, lost = sum(n for n in nets if n > 0), -sum(n for n in nets if n < 0)
    wins = sum(n > 0 for n in nets)
    running = high = deepest = Fraction(0)
    for net in nets:
        running += net
        high = max(high, running)
        deepest = max(deepest, high - running)
    return {
        "trades": len(nets),
        "wins": wins,
        "win_rate": Fraction(wins, len(nets)) if nets else None,
        "net": sum(nets, Fraction(0)),
        "gross_profit": Fraction(won),
        "gross_loss": Fraction(lost),
        "profit_factor": won / lost if lost else None,
        "expectancy": sum(nets, Fraction(0)) / len(nets) if nets else None,
        "drawdown": deepest,
    }


def compare(where, expected, told, wrong):
    """Note what the file says otherwise."""
    for key, value in expected.items():
        said = told.get(key, "missing")
        if value is None or said is None or isinstance(said, str):
            if value is not said:
                wrong.append(f"{where}.{key}: file {said}, recounted {value}")
        elif not math.isclose(float(value), said, rel_tol=1e-9, abs_tol=1e-9):
            wrong.append(f"{where}.{key}: file {said}, recounted {float(value)}")


def recount_set(section, rank, trades):
    """Differences of one set from the merged list of its trades. A ranked set below the best has no drawdown."""
    wrong = []
    row = section["production"] if rank == "production" else section["ranking"][int(rank) - 1]
    expected = sums(merged(trades))
    if row["drawdown"] is None:
        expected.pop("drawdown")
    compare(f"set {rank}", expected, row, wrong)
    if rank == "1":
        compare("best", expected, section["best"], wrong)
        for symbol in section["symbols"]:
            own = merged([t for t in trades if t["symbol"] == symbol])
            compare(f"best of {symbol}", sums(own), section["best_by_symbol"][symbol], wrong)
    return wrong


def recount_ranking(section, least):
    """Is the ranking in order: enough trades, then profit factor, then net? Does the walk-forward add up?"""
    wrong = []
    factors = [
        (
            row["trades"] >= least,
            math.inf if row["profit_factor"] is None else row["profit_factor"],
            row["net"],
        )
        for row in section["ranking"]
    ]
    if factors != sorted(factors, reverse=True):
        wrong.append("the ranking is not in order")
    walk = section["walk_forward"]
    if walk:
        tests = [step["test"] for step in walk["steps"] if step["test"]]
        for key in ("trades", "wins", "net", "gross_profit", "gross_loss"):
            added = sum((Fraction(test[key]) for test in tests), Fraction(0))
            compare("walk_forward.total", {key: added}, walk["total"], wrong)
    return wrong


def main(arguments):
    """Everything."""
    with open(arguments[0], encoding="utf-8") as source:
        content = json.load(source)
    (section,) = content["sections"]
    wrong = recount_ranking(section, content["sweep"]["least_trades"])
    for word in arguments[1:]:
        rank, _, file = word.partition("=")
        with open(file, encoding="utf-8") as source:
            wrong += recount_set(section, rank, json.load(source)["trades"])
    sys.stdout.write("\n".join(wrong or ["equal"]) + "\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
