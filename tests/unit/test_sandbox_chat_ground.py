"""What the chat emulators share: paces, the bell, the book of calls, bodies, troubles."""

import asyncio

import pytest
from virtual_loop import run_virtually

from sandbox.chat.bell import Bell
from sandbox.chat.bodies import read_body
from sandbox.chat.calls import Call, Calls, raw_request
from sandbox.chat.pace import Tokens, Window
from sandbox.chat.troubles import Trouble, Troubles

START_MS = 1_700_000_000_000


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_a_window_slides() -> None:
    clock = Clock()
    window = Window(2, 10.0, clock)
    assert (window.left, window.reset_s) == (2, 0.0)
    assert window.take() == 0
    clock.now_s += 4
    assert window.take() == 0
    assert (window.left, window.take(), window.reset_s) == (0, 6.0, 10.0)
    clock.now_s += 6
    assert (window.left, window.take()) == (1, 0)
    assert window.wait_s == 4.0


def test_tokens_come_back_at_their_rate_and_no_more_than_the_burst() -> None:
    clock = Clock()
    tokens = Tokens(2.0, 3, clock)
    assert [tokens.take() for _ in range(4)] == [0, 0, 0, 0.5]
    clock.now_s += 0.25
    assert tokens.take() == 0.25
    clock.now_s += 0.25
    assert tokens.take() == 0
    clock.now_s += 60
    assert [tokens.take() for _ in range(4)] == [0, 0, 0, 0.5]


def test_the_bell_wakes_whoever_waits_and_time_limits_are_the_loops() -> None:
    async def play() -> None:
        loop, bell, found = asyncio.get_running_loop(), Bell(), list[int]()
        assert not await bell.until(lambda: bool(found), 7)
        assert loop.time() == pytest.approx(7)
        both = asyncio.gather(bell.until(lambda: len(found) > 1, 60), bell.until(lambda: bool(found), 60))
        for number in range(2):
            await asyncio.sleep(1)
            found.append(number)
            bell.ring()
        assert await both == [True, True]
        assert loop.time() == pytest.approx(9)

    run_virtually(play, START_MS)


def test_the_book_finds_secrets_however_they_were_sent() -> None:
    calls = Calls()
    secret = "k/ey+1 é"
    bodies = [secret.encode(), b"a=k%2Fey%2B1+%C3%A9", b"a=k%2Fey%2B1%20%C3%A9", b"harmless %zz 100%"]
    for body in bodies:
        calls.add(Call(0, "x", "m", {}, raw_request("POST", "/m", {"Authorization": "Bearer t0ken"}, body)))
    assert calls.holding(secret.encode()) == calls.rows[:3]
    assert calls.holding(b"t0ken") == []
    assert len(calls.holding(b"(hidden)")) == 4


def test_the_book_by_name_and_status() -> None:
    calls = Calls()
    calls.add(Call(1, "telegram", "sendMessage", {}, b"", 200))
    calls.add(Call(2, "discord", "POST messages", {}, b"", 429))
    assert calls.methods("disc*") == ["POST messages"]
    assert [call.at_ms for call in calls.of("send*")] == [1]
    assert [call.at_ms for call in calls.statuses(429)] == [2]


def test_bodies() -> None:
    form = read_body("application/x-www-form-urlencoded", b"a=1&b=%3Cb%3E&c=")
    assert form.fields == {"a": "1", "b": "<b>", "c": ""}
    assert read_body("application/json; charset=utf-8", b'{"a": [1]}').fields == {"a": [1]}
    assert read_body("", b"whatever").fields == {}
    parts = (
        b'--X\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--X\r\n'
        b'Content-Disposition: form-data; name="f"; filename="x y.png"\r\nContent-Type: image/png\r\n\r\n'
        b"\r\n--Xno\r\n\r\n--X--\r\n"
    )
    made = read_body('multipart/form-data; boundary="X"', parts.replace(b"--Xno", b"-Xno"))
    assert made.fields == {"a": "1"}
    upload = made.uploads["f"]
    assert (upload.name, upload.kind, upload.content) == ("x y.png", "image/png", b"\r\n-Xno\r\n")


@pytest.mark.parametrize(
    "kind, body",
    [
        ("application/json", b"{"),
        ("application/json", b"[1]"),
        ("application/x-www-form-urlencoded", b"\xff"),
        ("multipart/form-data", b"--X"),
        ("multipart/form-data; boundary=X", b"--X\r\n\r\n"),
    ],
)
def test_bodies_that_are_none(kind: str, body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (of whatever kind)
        read_body(kind, body)


def test_troubles_strike_in_order_and_as_often_as_they_were_armed_for() -> None:
    troubles = Troubles()
    twice, always = Trouble("send*", times=2, status=500), Trouble(times=None, delay_s=1.0)
    troubles.arm(twice)
    troubles.arm(always)
    struck = [troubles.meet(name) for name in ("getMe", "sendMessage", "sendPhoto", "sendMessage")]
    assert struck == [always, twice, twice, always]
    assert (always.replaces, twice.replaces) == (False, True)
    troubles.clear()
    assert troubles.meet("sendMessage") is None
    assert [name for name, _ in troubles.met] == ["getMe", "sendMessage", "sendPhoto", "sendMessage"]
