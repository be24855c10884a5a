"""Log lines: two ends, no secrets, no control characters, and the last ones to be read again."""

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from bot.runtime import log as log_module
from bot.runtime.log import (
    LOG_FILE,
    RECENT_LINES,
    LogLine,
    bound,
    close_logging,
    recent_lines,
    set_up_logging,
    tail,
)
from bot.runtime.redaction import Redactor, printable

TELEGRAM = f"{123456789}:" + "Aa1-_" * 7
DISCORD = ".".join(["M" + "Tk4" * 8, "Gx" * 3, "q9_" * 10])
PASSWORD = "hush" * 2
SECRET = "s3cr" + '"et/+=' + "value"

log = logging.getLogger("tests.log")


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    level = logging.getLogger().level
    yield
    close_logging()
    logging.getLogger().setLevel(level)


def start(home: Path, console: str = "text", level: str = "INFO") -> io.StringIO:
    stream = io.StringIO()
    set_up_logging(home, level=level, console=console, hidden=[SECRET], stream=stream)
    return stream


def written(home: Path) -> str:
    return (home / LOG_FILE).read_text(encoding="utf-8")


def test_lines_go_to_the_console_and_to_the_file(tmp_path: Path) -> None:
    stream = start(tmp_path)
    log.info("order %s sent", 7, extra={"symbol": "BTCUSDT"})
    log.debug("not this one")
    line = json.loads(written(tmp_path))
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "order 7 sent", "level": "info", "logger": "tests.log", "symbol": "BTCUSDT"}
    assert "order 7 sent" in stream.getvalue()
    assert "symbol=BTCUSDT" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_the_console_speaks_json_or_not_at_all(tmp_path: Path) -> None:
    stream = start(tmp_path, "json")
    log.info("one")
    assert json.loads(stream.getvalue())["event"] == "one"
    stream = start(tmp_path, "none")
    log.info("two")
    assert stream.getvalue() == ""
    assert len(written(tmp_path).splitlines()) == 2


def test_lines_carry_what_is_bound_around_them(tmp_path: Path) -> None:
    start(tmp_path)
    with bound(trace="t1"), bound(symbol="BTCUSDT"):
        log.info("inside")
    log.info("outside")
    inside, outside = tail(tmp_path, 2)
    assert inside.fields == {"trace": "t1", "symbol": "BTCUSDT"}
    assert outside.fields == {}


@pytest.mark.parametrize("console", ["text", "json"])
def test_no_secret_is_written_whoever_writes_it(tmp_path: Path, console: str) -> None:
    stream = start(tmp_path, console, "DEBUG")
    logging.getLogger("httpx").warning("HTTP Request: POST https://api.telegram.org/bot%s/getMe", TELEGRAM)
    logging.getLogger("ccxt").warning("fetch %s", {"headers": {"X-MBX-APIKEY": "k" * 20}, "nested": [SECRET]})
    log.info("GET /fapi/v1/order?symbol=X&signature=%s&timestamp=1", "ab" * 32)
    log.info("stream", extra={"body": {"listenKey": "l" * 30}, "deep": {"a": [{"b": SECRET}]}})
    log.info("Authorization: Bot %s", DISCORD)
    log.info("connect to %s", f"postgresql://desk:{PASSWORD}@db/desk")
    try:
        raise ValueError(f"token {TELEGRAM} refused, also {SECRET}")
    except ValueError:
        log.exception("failed with %r", SECRET)
    warnings.warn(f"old token {TELEGRAM}", stacklevel=1)
    text = stream.getvalue() + written(tmp_path)
    for hidden in (TELEGRAM, TELEGRAM[10:], DISCORD, "k" * 20, "l" * 30, "ab" * 32, PASSWORD):
        assert hidden not in text
    for form in (SECRET, json.dumps(SECRET)[1:-1], repr(SECRET)[1:-1]):
        assert form not in text
    assert "&timestamp=1" in text
    assert "ValueError" in text
    assert all(json.loads(line) for line in written(tmp_path).splitlines())


def test_control_characters_cannot_forge_lines_or_command_a_terminal(tmp_path: Path) -> None:
    stream = start(tmp_path)
    poison = "/status\n2026-01-01 [critical] forged\x1b[2J\r\x07\u202e\u2066"
    log.info("command %s", poison, extra={"chat": poison, "list": [poison]})
    assert len(stream.getvalue().splitlines()) == 1
    assert len(written(tmp_path).splitlines()) == 1
    for char in "\x1b\r\x07\u202e":
        assert char not in stream.getvalue() + written(tmp_path)
    assert r"\n2026-01-01 [critical] forged\x1b[2J" in stream.getvalue()


def test_tracebacks_keep_their_lines(tmp_path: Path) -> None:
    stream = start(tmp_path)
    try:
        raise ValueError("bad\x1b[31m")
    except ValueError:
        log.exception("job failed")
    assert "Traceback (most recent call last):\n" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()
    assert "ValueError: bad" in json.loads(written(tmp_path))["exception"]


def test_what_nobody_caught_is_logged_without_secrets(tmp_path: Path) -> None:
    stream = start(tmp_path)
    error = ValueError(f"{SECRET}")
    sys.excepthook(ValueError, error, None)
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    assert SECRET not in stream.getvalue()
    assert stream.getvalue().count("uncaught error") == 2
    assert "ZeroDivisionError" in stream.getvalue()


def test_a_log_that_cannot_be_written_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = start(tmp_path)
    stream.close()
    log.info("to a closed console: %s", SECRET)
    wrong = logging.makeLogRecord(
        {"msg": "wrong arguments %s %s", "args": (SECRET,), "levelno": logging.INFO}
    )
    for handler in log_module._handlers:
        handler.handle(wrong)
    assert SECRET not in "".join(capsys.readouterr())
    assert "to a closed console" in written(tmp_path)


def test_libraries_are_quiet(tmp_path: Path) -> None:
    stream = start(tmp_path, level="DEBUG")
    for name in (
        "httpx",
        "ccxt.base",
        "apscheduler.scheduler",
        "telegram.ext",
        "discord.gateway",
        "aiohttp.access",
    ):
        logging.getLogger(name).info("chatter")
    assert stream.getvalue() == ""


def test_the_file_turns_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "FILE_BYTES", 2000)
    start(tmp_path)
    for number in range(100):
        log.info("line %d", number)
    assert len(list((tmp_path / "logs").iterdir())) == 1 + log_module.FILES_KEPT
    assert [line.message for line in tail(tmp_path, 20)] == [f"line {number}" for number in range(80, 100)]


def test_the_last_lines_by_level(tmp_path: Path) -> None:
    assert tail(tmp_path, 5) == ()
    start(tmp_path)
    log.info("fine")
    log.error("broken", extra={"symbol": "BTCUSDT"})
    log.info("fine again")
    with (tmp_path / LOG_FILE).open("a") as file:
        file.write("not JSON\n[1]\n")
    (line,) = tail(tmp_path, 5, "warning")
    assert (line.level, line.logger, line.message, line.fields) == (
        "error",
        "tests.log",
        "broken",
        {"symbol": "BTCUSDT"},
    )
    assert [line.message for line in tail(tmp_path, 2)] == ["broken", "fine again"]
    assert tail(tmp_path, 0) == ()
    assert isinstance(line, LogLine)


@pytest.mark.parametrize(
    "text, hidden",
    [
        ("bot" + TELEGRAM + "/sendMessage", "bot***/sendMessage"),
        ("X-MBX-APIKEY: abcdef", "X-MBX-APIKEY: ***"),
        ("'X-BAPI-SIGN': 'abcdef', 'b': 1", "'X-BAPI-SIGN': '***', 'b': 1"),
        ("?a=1&signature=ab12&b=2", "?a=1&signature=***&b=2"),
        ('{"listenKey":"abc"}', '{"listenKey":"***"}'),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("TELEGRAM_TOKEN=abc", "TELEGRAM_TOKEN=***"),
        ("apiKey=abc secret=def", "apiKey=*** secret=***"),
        ("BTCUSDT entry at 64,000.1 token of trust", "BTCUSDT entry at 64,000.1 token of trust"),
    ],
)
def test_what_is_hidden(text: str, hidden: str) -> None:
    assert Redactor()(text) == hidden


def test_known_secrets_are_hidden_in_every_form() -> None:
    redactor = Redactor([SECRET, "", "abc"])
    for form in (SECRET, quote(SECRET, safe=""), json.dumps(SECRET), repr(SECRET)):
        assert SECRET[-5:] not in redactor(f"x{form}y")
    assert redactor("abc is too short to be hidden") == "abc is too short to be hidden"


def test_unprintable_characters_are_written_out() -> None:
    assert printable("plain ü 😀") == "plain ü 😀"
    assert printable("a\nb\x00\u2028") == r"a\nb\x00\u2028"
    assert printable("a\nb\t", keep="\n") == "a\nb\\t"


def test_the_newest_lines_stay_in_memory_without_secrets(tmp_path: Path) -> None:
    set_up_logging(tmp_path, level="DEBUG", console="none", hidden=["hunter2hunter2"])
    log.debug("quiet")
    log.warning("key is %s", "hunter2hunter2", extra={"symbol": "XRPUSDT"})
    log.error("loud")
    found = recent_lines(10, "warning")
    assert [line.level for line in found] == ["warning", "error"]
    assert found[0].message == "key is ***"
    assert found[0].fields["symbol"] == "XRPUSDT"
    assert [line.message for line in recent_lines(1)] == ["loud"]
    assert recent_lines(0) == ()
    for number in range(RECENT_LINES + 5):
        log.info("line %d", number)
    kept = recent_lines(RECENT_LINES + 100)
    assert (len(kept), kept[0].message) == (RECENT_LINES, "line 5")
