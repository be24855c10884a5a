"""Options that commands of research share: the days, the costs, the form of the answer."""

from typing import Annotated

import typer

Many = list[str] | None
"""Of an option that takes several values."""
Begin = Annotated[
    str, typer.Option("--from", help="First day (UTC), 2024-01-31 or with 12:30.", metavar="DATE")
]
End = Annotated[str, typer.Option("--to", help="Day after the last.", metavar="DATE")]
Fee = Annotated[str, typer.Option("--fee", help="Of notional, each side: 0.04% or 0.0004.")]
Slippage = Annotated[str, typer.Option("--slippage", help="Of the price, against us.")]
Json = Annotated[bool, typer.Option("--json", help="Only JSON on standard output, one document.")]
