"""The heartbeat's address: asked at every beat, never when the engine has died, never in anybody's way."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from virtual_loop import virtually

from bot.domain.errors import ConfigError
from cli import pulse
from cli.pulse import Pulse, checked_address

SECRET = "a-fake-secret-path"


@asynccontextmanager
async def server(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    async def keeper(request: web.Request) -> web.StreamResponse:
        return await answer(request)

    app = web.Application()
    app.router.add_get("/{tail:.*}", keeper)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/{SECRET}"
    finally:
        await runner.cleanup()


class Keeper:
    """Whoever keeps the address; `statuses` are answers to come."""

    def __init__(self, *statuses: int) -> None:
        self.asked: list[str] = []
        self.statuses = list(statuses)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, headers={"Location": "/elsewhere"} if status == 302 else {})


async def beats(beat: Pulse, count: int = 1) -> None:
    for _ in range(count):
        beat.beat()
        await asyncio.sleep(0.05)


@virtually
async def test_every_beat_is_asked_and_none_when_the_engine_is_dead() -> None:
    keeper, alive = Keeper(), [True]
    async with server(keeper) as url:
        beat = Pulse(url, lambda: alive[0])
        task = asyncio.create_task(beat.run())
        await beats(beat, 3)
        assert keeper.asked == [f"/{SECRET}"] * 3
        alive[0] = False
        await beats(beat, 3)
        task.cancel()
    assert len(keeper.asked) == 3


@virtually
async def test_redirects_are_not_followed_and_troubles_are_logged_once_without_the_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    keeper = Keeper(302, 302, 500)
    async with server(keeper) as url:
        beat = Pulse(url, lambda: True)
        task = asyncio.create_task(beat.run())
        await beats(beat, 4)
        task.cancel()
    assert keeper.asked == [f"/{SECRET}"] * 4
    assert [record.message for record in caplog.records if record.name == "cli.pulse"] == [
        "the heartbeat address does not hear us: HTTP 302",
        "the heartbeat address does not hear us: HTTP 500",
        "the heartbeat address hears us again",
    ]
    assert SECRET not in caplog.text


@virtually
async def test_a_slow_or_absent_keeper_is_given_up_and_asked_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "WITHIN_S", 0.1)
    stuck = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        await stuck.wait()
        return web.Response()

    async with server(slow) as url:
        beat = Pulse(url, lambda: True)
        task = asyncio.create_task(beat.run())
        await beats(beat, 8)
        stuck.set()
        await asyncio.sleep(0.2)
    await beats(beat, 3)
    assert not task.done()
    task.cancel()
    assert "TimeoutError" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize("url", ["ftp://host/x", "host/x", "http://", "file:///etc/passwd", "http://[x"])
def test_what_is_no_web_address_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        checked_address(url)
    assert url not in str(refused.value)
