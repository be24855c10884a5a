"""The command line. Everything heavy is imported inside the command that needs it."""

import contextlib
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from cli import research, service_lines
from cli.options import Config, Home, Json, fail, finish, home_of

app = typer.Typer(
    name="quarterdeck",
    help="A trading desk for crypto perpetual futures that you command from chat.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
service_lines.register(app)
research.register(app, service_lines.bench_app)

DemoVenue = Annotated[
    str,
    typer.Option(
        help="paper: orders are filled here; sandbox, sandbox-bybit: by an exchange on loopback, through ccxt."
    ),
]


@app.callback()
def everywhere(home: Home = None) -> None:
    """A trading desk for crypto perpetual futures that you command from chat."""
    home_of(home)


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
    finish(run_demo, options)


@app.command()
def run(home: Home = None, config: Config = None) -> None:
    """Run what config.yaml says, with every chat platform that has a token."""
    from cli.run import run_configured

    finish(run_configured, home_of(home), config)


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

    finish(run_console, ConsoleOptions(home_of(home), tuple(execute or ()), yes, json))


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

    finish(run_chat_sandbox, chat) if chat else None

    finish(run_sandbox, SandboxOptions(venue, port, symbols, candles, seed, speed, faults))


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

    finish(run_replay, home_of(home), config, account, first, last, json)


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
        finish(slack_app)
    else:
        finish(list_commands, json, markdown)


@app.command()
def version() -> None:
    """Show the version."""
    from cli.about import version_line

    typer.echo(version_line())


@app.command()
def check(home: Home = None, config: Config = None) -> None:
    """Check the configuration and every strategy file; says what is wrong and where."""
    from cli.checking import check_config

    finish(check_config, home_of(home), config)


@app.command()
def alive(home: Home = None, config: Config = None) -> None:
    """Say whether a desk runs on this home: exit code 0 when its heartbeat is fresh, 1 when not."""
    from cli.alive import tell_alive

    finish(tell_alive, home_of(home), config)


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

    finish(run_watchdog, WatchOptions(home_of(home), config, once, json))


def _timed(text: str) -> tuple[int, str]:
    """`BAR COMMAND` as one text."""
    number, _, command = text.partition(" ")
    if not number.isdecimal() or not command.strip():
        fail(f"--at {text!r} is not allowed; a bar number and a command, for example --at 250 /status")
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
