"""Log lines: written through Python's own logging, shaped by structlog, without secrets whoever writes them.

Modules take `logging.getLogger(__name__)`, libraries do so anyway; `set_up_logging` gives all of them the same two
ends: a console (people or JSON) and a JSON file in the home that turns over. structlog is imported only then.
"""

import json
import logging
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, TextIO

from bot.domain.errors import ConfigError
from bot.runtime.redaction import Redactor, printable

LOG_FILE = Path("logs", "quarterdeck.log")
FILE_BYTES = 5_000_000
FILES_KEPT = 5
TAIL_BYTES = 1_000_000
RECENT_LINES = 1_000
"""So many of the newest lines stay in memory, for those who ask in a chat."""

# Their lines below these levels are noise, or say again what our own lines say.
_LIBRARIES = {
    "aiohttp": logging.WARNING,
    "alembic": logging.WARNING,
    "apscheduler": logging.WARNING,
    "apscheduler.executors": logging.CRITICAL,
    "asyncio": logging.WARNING,
    "ccxt": logging.WARNING,
    "discord": logging.WARNING,
    "httpcore": logging.WARNING,
    "httpx": logging.WARNING,
    "matplotlib": logging.WARNING,
    "PIL": logging.WARNING,
    "sqlalchemy": logging.WARNING,
    "telegram": logging.WARNING,
    "websockets": logging.WARNING,
}

type EventDict = MutableMapping[str, Any]

# Attributes that every record has, or gets from some other formatter.
_OWN_NAMES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}

log = logging.getLogger(__name__)

_bound: ContextVar[Mapping[str, str]] = ContextVar("bound", default=MappingProxyType({}))
_handlers: list[logging.Handler] = []
_recent: deque[str] = deque(maxlen=RECENT_LINES)


@contextmanager
def bound(**fields: str) -> Iterator[None]:
    """Give every line written inside these fields too, for example the trace id from candle to fill."""
    token = _bound.set({**_bound.get(), **fields})
    try:
        yield
    finally:
        _bound.reset(token)


def set_up_logging(
    home: Path,
    *,
    level: str = "INFO",
    console: str = "text",
    hidden: Sequence[str] = (),
    stream: TextIO | None = None,
) -> None:
    """Send all log lines to the console (`text`, `json` or `none`; stderr) and to the file in the home.

    `hidden` are secrets by value. Setting up again replaces what was set up before.
    """
    close_logging()
    redactor = Redactor(hidden)
    path = home / LOG_FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = _File(path, maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"log file {path}: cannot be written: {error.strerror}") from None
    _add(file, _json(), redactor)
    _recent.clear()
    _add(_Ring(), _json(), redactor)
    if console != "none":
        target = stream or sys.stderr
        _add(_Console(target), _json() if console == "json" else _text(target.isatty()), redactor)
    logging.getLogger().setLevel(level)
    for name, least in _LIBRARIES.items():
        logging.getLogger(name).setLevel(least)
    logging.captureWarnings(True)
    sys.excepthook, threading.excepthook = _uncaught, _uncaught_in_thread


def close_logging() -> None:
    """Take our ends away and close them."""
    while _handlers:
        handler = _handlers.pop()
        logging.getLogger().removeHandler(handler)
        handler.close()
    logging.captureWarnings(False)
    sys.excepthook, threading.excepthook = sys.__excepthook__, threading.__excepthook__


class _Quiet(logging.Handler):
    """A handler that, when it cannot write, does not print the record: it might hold secrets."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Drop the line; a full disk must not stop the desk."""


class _Console(_Quiet, logging.StreamHandler[TextIO]):
    """The console."""


class _File(_Quiet, RotatingFileHandler):
    """The file that turns over."""


class _Ring(_Quiet):
    """The newest lines in memory, without secrets like those of the file."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line; the oldest one goes."""
        try:
            _recent.append(self.format(record))
        except Exception:  # noqa: BLE001 - logging's own rule: what cannot be written must not stop who wrote it
            self.handleError(record)


class _Redacting(logging.Formatter):
    """Hides secrets in the finished line, so that none slips through a traceback or a nested value."""

    def __init__(self, inner: logging.Formatter, redactor: Redactor) -> None:
        super().__init__()
        self._inner = inner
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """The line without secrets."""
        return self._redactor(self._inner.format(record))


def _add(handler: logging.Handler, inner: logging.Formatter, redactor: Redactor) -> None:
    handler.setFormatter(_Redacting(inner, redactor))
    logging.getLogger().addHandler(handler)
    _handlers.append(handler)


def _json() -> logging.Formatter:
    """One JSON object per line."""
    from structlog.processors import JSONRenderer

    return _formatter(JSONRenderer(ensure_ascii=False, default=str))


def _text(colours: bool) -> logging.Formatter:
    """Lines for people."""
    from structlog.dev import ConsoleRenderer, plain_traceback

    return _formatter(ConsoleRenderer(colors=colours, exception_formatter=plain_traceback))


def _formatter(renderer: Any) -> logging.Formatter:
    from structlog.processors import format_exc_info
    from structlog.stdlib import ProcessorFormatter, add_log_level, add_logger_name

    return ProcessorFormatter(
        foreign_pre_chain=[add_log_level, add_logger_name, _add_fields],
        processors=[_add_time, ProcessorFormatter.remove_processors_meta, format_exc_info, _clean, renderer],
    )


def _add_fields(_logger: object, _name: str, event: EventDict) -> EventDict:
    """What is bound around the line, and what its writer gave as `extra`."""
    extra = {name: value for name, value in vars(event["_record"]).items() if name not in _OWN_NAMES}
    event.update({**_bound.get(), **extra})
    return event


def _add_time(_logger: object, _name: str, event: EventDict) -> EventDict:
    created = datetime.fromtimestamp(event["_record"].created, UTC)
    event["timestamp"] = created.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return event


def _clean(_logger: object, _name: str, event: EventDict) -> EventDict:
    """Without control characters, which could forge lines or command a terminal; tracebacks keep their lines."""
    return {
        printable(str(name)): _cleaned(value, "\n" if name == "exception" else "")
        for name, value in event.items()
    }


def _cleaned(value: object, keep: str = "") -> object:
    match value:
        case str():
            return printable(value, keep)
        case dict():
            return {printable(str(name)): _cleaned(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_cleaned(inner) for inner in value]
        case bool() | int() | float() | None:
            return value
        case _:
            return value if isinstance(value, BaseException) else printable(str(value))


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What nobody caught is logged like everything else, without secrets; Ctrl-C stays what it is."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        log.critical("uncaught error", exc_info=(kind, error, trace))


def _uncaught_in_thread(hook: threading.ExceptHookArgs) -> None:
    if hook.exc_value is not None:
        _uncaught(hook.exc_type, hook.exc_value, hook.exc_traceback)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the log file; `fields` is everything beside time, level, logger and message."""

    at: str
    level: str
    logger: str
    message: str
    fields: Mapping[str, object]


def tail(home: Path, limit: int, level: str = "DEBUG") -> tuple[LogLine, ...]:
    """The newest lines of the log file that are at least of that level, oldest first."""
    least = logging.getLevelNamesMapping().get(level.upper(), logging.NOTSET)
    path = home / LOG_FILE
    found: list[LogLine] = []
    for file in (path, path.with_name(f"{path.name}.1")):
        found = [line for line in _lines(file) if _grade(line) >= least] + found
        if len(found) >= limit:
            break
    return tuple(found[-limit:]) if limit > 0 else ()


def recent_lines(limit: int, level: str = "DEBUG") -> tuple[LogLine, ...]:
    """The newest lines of this process that are at least of that level, oldest first, without reading a file."""
    least = logging.getLevelNamesMapping().get(level.upper(), logging.NOTSET)
    lines = (line for raw in tuple(_recent) if (line := _line(raw)))
    found = [line for line in lines if _grade(line) >= least]
    return tuple(found[-limit:]) if limit > 0 else ()


def _grade(line: LogLine) -> int:
    return logging.getLevelNamesMapping().get(line.level.upper(), logging.NOTSET)


def _lines(path: Path) -> list[LogLine]:
    """The lines at the end of one file; what is no line of ours is left out."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    return [line for raw in text.split("\n") if (line := _line(raw))]


def _line(raw: str) -> LogLine | None:
    try:
        held = json.loads(raw)
    except ValueError:
        return None
    if not isinstance(held, dict):
        return None
    at, level, logger, message = (
        str(held.pop(name, "")) for name in ("timestamp", "level", "logger", "event")
    )
    return LogLine(at, level, logger, message, held)
