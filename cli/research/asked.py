"""What was asked of sweep, compare and sizing, as their result files keep it and take it up again."""

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path

from cli.research.backtest_options import FILES, STORE
from cli.research.sweep_options import SweepOptions
from research.results.files import ResultFileError

NOT_RECORDED = ("home", "config", "json", "lean", "workers", "cluster")
"""They change nothing about the figures."""
PATHS = (*FILES, "grid", "result", "sweep")

type Asked = dict[str, object]


def recorded(options: SweepOptions, more: Mapping[str, object]) -> Asked:
    """What was asked as a result file keeps it: the shared options and a command's own, files by their whole paths."""
    shared = {
        field.name: getattr(options, field.name)
        for field in fields(options)
        if field.name not in NOT_RECORDED
    }
    whole = {name: _whole(name, value) for name, value in {**shared, **more}.items()}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in whole.items()}


def _whole(name: str, value: object) -> object:
    if name not in PATHS or not value or value == (STORE,):
        return value
    if isinstance(value, tuple):
        return [str(Path(one).expanduser().absolute()) for one in value]
    return str(Path(str(value)).expanduser().absolute())


def asked_again(
    content: Mapping[str, object], command: str, file: Path, now: SweepOptions, own: Mapping[str, object]
) -> tuple[SweepOptions, Asked]:
    """The options that a result file of `command` recorded, and its own ones, which have the types of `own`."""
    run = content["run"]
    asked = run.get("asked") if isinstance(run, dict) and run.get("command") == command else None
    if not isinstance(asked, dict):
        raise ResultFileError(f"{file}: is no result file of `quarterdeck {command}`")
    usual = {
        field.name: field.default for field in fields(SweepOptions) if field.name not in NOT_RECORDED
    } | dict(own)
    if set(asked) != set(usual) or any(not _like(asked[name], value) for name, value in usual.items()):
        raise ResultFileError(f"{file}: its record is of another version of `quarterdeck {command}`")
    plain = {name: tuple(value) if isinstance(value, list) else value for name, value in asked.items()}
    shared = {name: value for name, value in plain.items() if name not in own}
    again = replace(now, **shared)  # type: ignore[arg-type] # of the types of the defaults, see above
    return again, {name: plain[name] for name in own}


def _like(value: object, usual: object) -> bool:
    """A value of the type that an option has: lists stand for tuples."""
    if isinstance(usual, tuple):
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    return type(value) is type(usual)
