"""`quarterdeck ml clusters` and its options. Nothing heavy is imported before it runs."""

from pathlib import Path
from typing import Annotated

import typer

from cli.options import Config, Home, finish
from cli.research.line_options import Json, Many


def clusters(  # noqa: PLR0913, PLR0917 - one argument per option of the command line
    candles: Annotated[
        Many,
        typer.Option(
            "--candles",
            help="Parquet or CSV files, or folders; BTCUSDT among them is compared with. Default: the store.",
            metavar="FILE...",
        ),
    ] = None,
    history: Annotated[
        bool, typer.Option("--history", help="Every past week of these candles that has no grouping.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep/--no-keep", help="Keep it beside the models.")] = True,
    strategy: Annotated[
        str, typer.Option("--strategy", help="Whose timeframe, with the store.", metavar="NAME")
    ] = "composite",
    end: Annotated[str, typer.Option("--to", help="As of the day before this one.", metavar="DATE")] = "",
    seed: Annotated[
        int, typer.Option("--seed", help="The same seed gives the same clusters.", min=0, max=2**32 - 1)
    ] = 0,
    models: Annotated[
        Path | None, typer.Option("--models", help="Where models lie (default: the home's).", metavar="DIR")
    ] = None,
    home: Home = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Group symbols by how they behaved for 30 days; features, limits and fall-back models go by it."""
    given = dict(locals())  # exactly the options above
    from cli.research.ml_clusters import run_clusters
    from cli.research.ml_options import MlOptions

    finish(run_clusters, MlOptions.of(given), history, keep)
