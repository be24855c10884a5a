"""The command line. Everything heavy is imported inside the command that needs it."""

import contextlib
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from cli import research

app = typer.Typer(
    name="quarterdeck",
    help="A trading desk for crypto perpetual futures that you command from chat.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
bench_app = typer.Typer(help="Measure speed and memory on this machine.", no_args_is_help=True)
app.add_typer(bench_app, name="bench")
audit_app = typer.Typer(help="The audit trail of commands.", no_args_is_help=True)
app.add_typer(audit_app, name="audit")
db_app = typer.Typer(help="The database.", no_args_is_help=True)
app.add_typer(db_app, name="db")
research.register(app, bench_app)

Home = Annotated[
    Path | None,
    typer.Option("--home", help="Where state lives (default: QUARTERDECK_HOME, else ~/.quarterdeck)."),
]
Config = Annotated[Path | None, typer.Option("--config", help="Configuration file (default: config.yaml).")]
DemoVenue = Annotated[
    str,
    typer.Option(
        help="paper: orders are filled here; sandbox, sandbox-bybit: by an exchange on loopback, through ccxt."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object per line, for scripts.")]

_given_home: list[Path] = []


@app.callback()
def everywhere(home: Home = None) -> None:
    """A trading desk for crypto perpetual futures that you command from chat."""
    if home is not None:
        _given_home.append(home)


def home_of(home: Path | None) -> Path | None:
    """The home asked for after the command, or before it."""
    if home is not None:
        _given_home.append(home)
    return _given_home[-1] if _given_home else None


@app.command()
def demo(  # noqa: PLR0913, PLR0917 - one argument per option of the command line
    home: Home = None,
    config: Config = None,
    venue: DemoVenue = "paper",
    candles: Annotated[
        list[Path] | None, typer.Option(help="Real candles: folder or files (Parquet, CSV); may be repeated.")
    ] = None,
    rules: Annotated[
        list[Path] | None,
        typer.Option(help="Their contracts' rules: an exchangeInfo file, then a leverageBracket file."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the generated market.")] = None,
    symbols: Annotated[int | None, typer.Option(help="Symbols of the generated market.")] = None,
    speed: Annotated[float | None, typer.Option(help="Seconds per bar.")] = None,
    bars: Annotated[
        int | None, typer.Option(help="Run this many bars as fast as possible, without a console.")
    ] = None,
    execute: Annotated[
        list[str] | None, typer.Option("--exec", help="Chat command to run after the bars.")
    ] = None,
    at: Annotated[
        list[str] | None,
        typer.Option("--at", metavar="BAR COMMAND", help="Chat command to run after bar BAR."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Press the confirm button of every card.")] = False,
    json: Json = False,
) -> None:
    """Run the whole bot on a generated market, or on real candles: no account, no key, no server."""
    from cli.demo import run_demo
    from cli.demo_desk import DemoOptions

    options = DemoOptions(
        home=home_of(home),
        config=config,
        venue=venue,
        candles=tuple(candles or ()),
        rules=tuple(rules or ()),
        seed=seed,
        symbols=symbols,
        seconds_per_bar=speed,
        bars=bars,
        commands=tuple(execute or ()),
        timed=tuple(_timed(text) for text in at or ()),
        confirm=yes,
        json=json,
    )
    _finish(run_demo, options)


@app.command()
def run(home: Home = None, config: Config = None) -> None:
    """Run what config.yaml says, with every chat platform that has a token."""
    from cli.run import run_configured

    _finish(run_configured, home_of(home), config)


@app.command()
def console(
    home: Home = None,
    execute: Annotated[
        list[str] | None, typer.Option("--exec", help="Chat command to run instead of a conversation.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Press the confirm button of every card.")] = False,
    json: Json = False,
) -> None:
    """Speak to the running desk from a second terminal: needs no network, no token, only the home."""
    from cli.console import ConsoleOptions, run_console

    _finish(run_console, ConsoleOptions(home_of(home), tuple(execute or ()), yes, json))


@app.command()
def sandbox(  # noqa: PLR0913, PLR0917 - one argument per option of the command line
    venue: Annotated[str, typer.Option(help="binance, bybit or both.")] = "binance",
    port: Annotated[int, typer.Option(help="First port; 0: free ones.")] = 0,
    symbols: Annotated[int | None, typer.Option(help="Symbols of the generated market (default: 8).")] = None,
    candles: Annotated[
        Path | None,
        typer.Option(help="Real candles: folder or file (Parquet, CSV); they live when they were."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the generated market and of the keys.")] = None,
    speed: Annotated[
        float,
        typer.Option(
            help="Seconds at the exchange per second; 0: stand still. "
            "`quarterdeck run` in mode testnet needs 1: its clock is the wall's (the demo brings its own)."
        ),
    ] = 1.0,
    faults: Annotated[Path | None, typer.Option(help="Fault rules (YAML or JSON).")] = None,
    chat: Annotated[
        str,
        typer.Option(help="Chat platforms instead: telegram, discord, slack or all; people speak as told."),
    ] = "",
) -> None:
    """Serve an exchange on loopback that speaks Binance's or Bybit's protocol; prints its addresses and keys."""
    from cli.sandbox import SandboxOptions, run_sandbox
    from cli.sandbox_chat import run_chat_sandbox

    _finish(run_chat_sandbox, chat) if chat else None

    _finish(run_sandbox, SandboxOptions(venue, port, symbols, candles, seed, speed, faults))


@app.command()
def replay(
    first: Annotated[int, typer.Argument(help="First journal line; a start of the process.")] = 0,
    last: Annotated[int, typer.Argument(help="Last journal line; 0: to the end.")] = 0,
    home: Home = None,
    config: Config = None,
    account: Annotated[str, typer.Option(help="Whose journal; default: the one there is.")] = "",
    json: Json = False,
) -> None:
    """Feed the journal to a fresh engine and compare its actions with the recorded ones, byte for byte."""
    from cli.replay import run_replay

    _finish(run_replay, home_of(home), config, account, first, last, json)


@app.command()
def commands(
    json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="The page docs/commands.md.")] = False,
    slack_manifest: Annotated[
        bool, typer.Option("--slack-manifest", help="The manifest to make a Slack app from, as JSON.")
    ] = False,
) -> None:
    """List the chat commands: name, aliases, parameters, role, confirmation, help."""
    from cli.listing import list_commands, slack_app

    if slack_manifest:
        _finish(slack_app)
    else:
        _finish(list_commands, json, markdown)


@app.command()
def version() -> None:
    """Show the version."""
    from cli.about import version_line

    typer.echo(version_line())


@app.command()
def check(home: Home = None, config: Config = None) -> None:
    """Check the configuration and every strategy file; says what is wrong and where."""
    from cli.checking import check_config

    _finish(check_config, home_of(home), config)


@app.command()
def alive(home: Home = None, config: Config = None) -> None:
    """Say whether a desk runs on this home: exit code 0 when its heartbeat is fresh, 1 when not."""
    from cli.alive import tell_alive

    _finish(tell_alive, home_of(home), config)


@app.command()
def watchdog(
    home: Home = None,
    config: Config = None,
    once: Annotated[
        bool,
        typer.Option(
            "--once", help="Look once and exit: 0 all is well, 1 not. Tells nobody, needs no token."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Watch a desk from outside: alarms by a second Telegram bot when its heartbeat stops or tells of trouble."""
    from cli.watchdog import WatchOptions, run_watchdog

    _finish(run_watchdog, WatchOptions(home_of(home), config, once, json))


@audit_app.command("verify")
def audit_verify(home: Home = None, config: Config = None) -> None:
    """Recompute the hash chain of the audit trail."""
    from cli.database import verify_audit

    _finish(verify_audit, home_of(home), config)


@db_app.command("backup")
def db_backup(
    file: Annotated[Path, typer.Argument(help="Where to.")], home: Home = None, config: Config = None
) -> None:
    """Copy the database while the bot is running (SQLite)."""
    from cli.database import backup

    _finish(backup, home_of(home), config, file)


@db_app.command("upgrade")
def db_upgrade(home: Home = None, config: Config = None) -> None:
    """Bring the database to this version's schema."""
    from cli.database import upgrade

    _finish(upgrade, home_of(home), config)


@bench_app.command("engine")
def bench_engine(
    bars: Annotated[int, typer.Option(help="Bars for one symbol.")] = 20_000,
    symbols: Annotated[int, typer.Option(help="Symbols that close together.")] = 263,
    json: Json = False,
) -> None:
    """Measure the engine: bars per second with everything on, and many symbols closing together."""
    from cli.bench import run_engine_bench

    _finish(run_engine_bench, bars, symbols, json)


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

    _finish(run_venue_bench, venue, symbols, orders, seconds, json)


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

    _finish(run_chat_bench, symbols, seconds, orders, notices, json)


def _timed(text: str) -> tuple[int, str]:
    """`BAR COMMAND` as one text."""
    number, _, command = text.partition(" ")
    if not number.isdecimal() or not command.strip():
        _fail(f"--at {text!r} is not allowed; a bar number and a command, for example --at 250 /status")
    return int(number), command.strip()


def joined_at(arguments: list[str]) -> list[str]:
    """Write `--at BAR COMMAND` as `--at "BAR COMMAND"`: an option with two values, which may be repeated."""
    joined: list[str] = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        joined.append(word)
        if word == "--at" and len(rest) >= 2 and " " not in rest[0]:
            joined.append(f"{rest.pop(0)} {rest.pop(0)}")
    return joined


def _finish[**P](work: Callable[P, int | None], *arguments: P.args, **named: P.kwargs) -> None:
    """Run a command's work; its answer is the exit code."""
    raise typer.Exit(int(work(*arguments, **named) or 0))


def _fail(text: str) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(2)


def main() -> None:
    """Entry point of the `quarterdeck` command: whatever happens is one line on standard error and an exit code."""
    from cli.streams import give_up_output, steady_streams

    steady_streams()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _called_off)  # no KeyboardInterrupt: Python may die of one that was caught
    try:
        code = _of_interrupt(
            app(args=joined_at(sys.argv[1:]), prog_name="quarterdeck", standalone_mode=False)
        )
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        code = _called_off_code(signal.SIGINT)
    except Exception as error:  # noqa: BLE001 - the last place where anything can be caught
        code = _told(error)
    give_up_output()
    sys.exit(code)


def _called_off(number: int, _frame: FrameType | None) -> NoReturn:
    """A signal before a desk runs, or in a script: whatever was opened is closed on the way out."""
    sys.exit(_called_off_code(number))


def _called_off_code(number: int) -> int:
    """A desk that is told to stop ends well; a script or a check that was cut short does not."""
    words = sys.argv[1:]
    desk = {"run", "sandbox"} & set(words) or (
        "demo" in words and not {"--bars", "--exec", "--at", "--json"} & set(words)
    )
    return 0 if desk else 128 + number


def _of_interrupt(code: object) -> int:
    """typer answers Ctrl-C with 130 itself."""
    return _called_off_code(signal.SIGINT) if code == 128 + signal.SIGINT else int(str(code or 0))


def _told(error: Exception) -> int:
    """Say what ended the command; answers the exit code."""
    code, line = _slip(error)
    if not code:
        from cli.faults import ended_by

        code, line = ended_by(error, home_of(None))
    with contextlib.suppress(OSError):
        typer.echo(line, err=True) if line else None
    return code


def _slip(error: Exception) -> tuple[int, str]:
    """What was mistyped on the command line; 0 when it is something else."""
    message = getattr(error, "format_message", None)
    if message is None:
        return 0, ""
    if type(error).__name__ == "NoArgsIsHelpError":
        return 2, str(message())
    command = getattr(getattr(error, "ctx", None), "command_path", "quarterdeck")
    return 2, f"{' '.join(str(message()).split())} (`{command} --help` says what is allowed)"


if __name__ == "__main__":
    main()
