"""The process that draws: the same pictures as here, no secrets, and nothing it does holds the desk up for long."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import Process
from decimal import Decimal

import pytest

from handlers.drawing import Drawing, NotDrawn
from handlers.pictures import render
from handlers.reply import BarPlot, EquityPlot
from handlers.studio import COMMAND, Studio

BARS = BarPlot(("Mon", "Tue"), (Decimal("12.5"), Decimal(-3)), "PnL")
OTHER = BarPlot(("Mon", "Tue"), (Decimal(1), Decimal(2)), "PnL")
BROKEN = EquityPlot(("no", "points"), "Equity")  # type: ignore[arg-type]
HANGS = (sys.executable, "-c", "import time; time.sleep(60)")
ENDS = (sys.executable, "-c", "")
TELLS = (
    sys.executable,
    "-c",
    """
import json, os, sys
from handlers.pictures.worker import HEAD
body = json.dumps([dict(os.environ), os.getsid(0) == os.getpid()]).encode()
sys.stdout.buffer.write(HEAD.pack(len(body), True, 0) + body)
""",
)


def studio(command: tuple[str, ...] = COMMAND, patience_s: float = 60.0) -> Studio:
    return Studio("Europe/Berlin", "USDC", command, patience_s)


def number(one: Studio) -> int:
    assert one._worker is not None
    return one._worker.pid


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def started(one: Studio) -> Process:
    """Its process, as soon as there is one."""
    while one._worker is None:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.01)
    return one._worker


async def test_its_pictures_are_those_drawn_here_and_one_process_draws_them_all() -> None:
    one = studio()
    dark = await one.paint(BARS, True)
    pid = number(one)
    light = await one.paint(BARS, False)
    assert (dark, light) == (render(BARS, quote="USDC"), render(BARS, quote="USDC", dark=False))
    assert number(one) == pid
    assert 20 < one.memory_mb < 300
    await one.close()
    assert not lives(pid)


async def test_it_is_ready_before_the_first_picture_and_ends_with_the_run() -> None:
    one = studio()
    run = asyncio.create_task(one.run())
    pid = (await started(one)).pid
    await one.paint(BARS, True)
    assert number(one) == pid
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    assert not lives(pid)


async def test_one_that_hangs_is_ended_and_replaced() -> None:
    one = studio(HANGS, 0.3)
    painting = asyncio.create_task(one.paint(BARS, True))
    worker = await started(one)
    with pytest.raises(NotDrawn, match=r"no picture within 0\.3 s"):
        await painting
    assert await worker.wait() == -9
    one.command, one.patience_s = COMMAND, 60.0
    assert await one.paint(BARS, True) == render(BARS, quote="USDC")
    await one.close()


async def test_one_that_ends_is_replaced() -> None:
    one = studio(ENDS)
    with pytest.raises(NotDrawn, match="has ended"):
        await one.paint(BARS, True)
    one.command = COMMAND
    await one.paint(BARS, True)
    worker = one._worker
    assert worker is not None
    worker.kill()
    await worker.wait()
    assert await one.paint(OTHER, True) == render(OTHER, quote="USDC")
    assert number(one) != worker.pid
    await one.close()


async def test_a_picture_nobody_waits_for_any_more_is_not_taken_for_the_next() -> None:
    one = studio()
    await one.paint(BARS, True)
    given_up = asyncio.create_task(one.paint(BARS, False))
    await asyncio.sleep(0.02)
    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    assert await one.paint(OTHER, True) == render(OTHER, quote="USDC")
    await one.close()


async def test_what_cannot_be_drawn_is_said_and_the_process_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    one = studio()
    drawing = Drawing(one.paint)
    assert await drawing.draw(BARS, True)
    pid = number(one)
    assert await drawing.draw(BROKEN, True) is None
    assert "picture not drawn: Equity" in caplog.text
    assert await drawing.draw(OTHER, True) == render(OTHER, quote="USDC")
    assert number(one) == pid
    await one.close()


async def test_a_process_that_cannot_be_started_costs_the_picture_only() -> None:
    one = studio(("/no/such/interpreter",))
    run = asyncio.create_task(one.run())
    assert await Drawing(one.paint).draw(BARS, True) is None
    assert not run.done()
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)


async def test_it_gets_no_secret_and_no_keys_typed_at_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_TOKEN", "1:planted")
    monkeypatch.setenv("QUARTERDECK_HOME", "planted")
    one = studio(TELLS)
    environ, leads_its_session = json.loads(await one.paint(BARS, True))
    assert "planted" not in str(environ)
    assert environ["OPENBLAS_NUM_THREADS"] == "1"
    assert leads_its_session
    await one.close()
