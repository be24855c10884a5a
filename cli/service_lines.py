"""The command line around the desk: measuring, the audit trail, the database."""

from pathlib import Path
from typing import Annotated

import typer

from cli.options import Config, Home, Json, finish, home_of

bench_app = typer.Typer(help="Measure speed and memory on this machine.", no_args_is_help=True)
audit_app = typer.Typer(help="The audit trail of commands.", no_args_is_help=True)
db_app = typer.Typer(help="The database.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the groups to the command line."""
    app.add_typer(bench_app, name="bench")
    app.add_typer(audit_app, name="audit")
    app.add_typer(db_app, name="db")


@audit_app.command("verify")
def audit_verify(home: Home = None, config: Config = None) -> None:
    """Recompute the hash chain of the audit trail."""
    from cli.database import verify_audit

    finish(verify_audit, home_of(home), config)


@db_app.command("backup")
def db_backup(
    file: Annotated[Path, typer.Argument(help="Where to.")], home: Home = None, config: Config = None
) -> None:
    """Copy the database while the bot is running (SQLite)."""
    from cli.database import backup

    finish(backup, home_of(home), config, file)


@db_app.command("upgrade")
def db_upgrade(home: Home = None, config: Config = None) -> None:
    """Bring the database to this version's schema."""
    from cli.database import upgrade

    finish(upgrade, home_of(home), config)


@bench_app.command("engine")
def bench_engine(
    bars: Annotated[int, typer.Option(help="Bars for one symbol.")] = 20_000,
    symbols: Annotated[int, typer.Option(help="Symbols that close together.")] = 263,
    json: Json = False,
) -> None:
    """Measure the engine: bars per second with everything on, and many symbols closing together."""
    from cli.bench import run_engine_bench

    finish(run_engine_bench, bars, symbols, json)


@bench_app.command("venue")
def bench_venue(
    venue: Annotated[str, typer.Option(help="binance or bybit.")] = "binance",
    symbols: Annotated[int, typer.Option(help="Symbols traded.")] = 263,
    orders: Annotated[int, typer.Option(help="Orders sent there and back.")] = 200,
    seconds: Annotated[float, typer.Option(help="How long the streams are watched.")] = 20,
    json: Json = False,
) -> None:
    """The whole desk on a sandbox exchange in another process: start-up, order round trip, streams, memory."""
    from cli.bench_venue import run_venue_bench

    finish(run_venue_bench, venue, symbols, orders, seconds, json)


@bench_app.command("chat")
def bench_chat(
    symbols: Annotated[int, typer.Option(help="Symbols traded.")] = 263,
    seconds: Annotated[
        float, typer.Option(help="How long people ask: once in peace, once while bars close.")
    ] = 60,
    orders: Annotated[int, typer.Option(help="Entries while chats answer, and again while not.")] = 100,
    notices: Annotated[int, typer.Option(help="Fills that are told at once.")] = 500,
    json: Json = False,
) -> None:
    """People command the whole desk on sandboxed Telegram, Discord and Slack: answers, orders, notices, memory."""
    from cli.bench_chat import run_chat_bench

    finish(run_chat_bench, symbols, seconds, orders, notices, json)
