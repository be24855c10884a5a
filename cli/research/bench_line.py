"""`quarterdeck bench research` and `bench ml`: their options. Nothing heavy is imported before it runs."""

from pathlib import Path
from typing import Annotated

import typer

from cli.options import Json, finish


def bench_research(
    candles: Annotated[
        Path | None,
        typer.Option(
            "--candles", help="Real 15m candles of one symbol (Parquet, CSV); default: a generated market."
        ),
    ] = None,
    symbols: Annotated[int, typer.Option(help="Symbols in the rows of many.")] = 263,
    runs: Annotated[int, typer.Option(help="Warm runs of each row; medians are shown.")] = 15,
    json: Json = False,
) -> None:
    """Measure research: backtests both ways, sweeps, walk-forward, many symbols; each row in a process of its own."""
    from cli.bench_research import BenchResearch, run_research_bench

    finish(run_research_bench, BenchResearch(candles, symbols, runs, json))


def bench_ml(
    symbols: Annotated[int, typer.Option(help="Symbols that close together.")] = 263,
    runs: Annotated[int, typer.Option(help="Warm runs of each figure; medians are shown.")] = 15,
    json: Json = False,
) -> None:
    """Measure models: data set, training, features and scores of many symbols, one score, a thousand reloads."""
    from cli.bench_ml import BenchMl, run_ml_bench

    finish(run_ml_bench, BenchMl(symbols, runs, json))


def register(bench: typer.Typer) -> None:
    """Add the commands."""
    bench.command("research")(bench_research)
    bench.command("ml")(bench_ml)
