"""Who may do what, where, how late and how often."""

from itertools import product

import pytest
from chat_fakes import USERS, Chat

from bot.domain.errors import ConfigError
from bot.runtime.chat_ports import Arrival
from handlers.command import Confirm, Role, command
from handlers.limits import ChatLimits
from handlers.registry import Registry, definition_faults
from handlers.reply import Reply
from handlers.request import ChatKind

GROUP = {"chat_kind": ChatKind.GROUP, "chat_id": "-100"}
LINES = {
    "/status": Role.VIEWER,
    "/trades 3": Role.VIEWER,
    "/pause": Role.TRADER,
    "/close XRP": Role.TRADER,
    "/panic_close now": Role.TRADER,
    "/set_risk 6": Role.TRADER,
    "/config": Role.ADMIN,
    "/reset_kill all because": Role.ADMIN,
}
PLACES = [
    (ChatKind.PRIVATE, "77", (), True),
    (ChatKind.CONSOLE, "77", (), True),
    (ChatKind.WEB, "77", (), True),
    (ChatKind.GROUP, "-100", (), True),
    (ChatKind.GROUP, "-999", (), False),
    (ChatKind.GROUP, "-100/5", ("-100",), True),
    (ChatKind.GROUP, "-200/7", ("-200",), True),
    (ChatKind.GROUP, "-200/8", ("-200",), False),
    (ChatKind.CHANNEL, "-100", (), False),
]
NEVER = ["edited", "forwarded", "from_bot", "anonymous", "via_bot"]
MATRIX = list(product(("1", "2", "3", "666"), LINES, PLACES, (None, *NEVER)))


async def test_the_authorisation_matrix() -> None:
    """User x command x place x kind of message: only the known, in a known place, of the role, in person."""
    for user, line, (kind, chat_id, within, place_ok), never in MATRIX:
        chat = Chat()
        flags = {never: True} if never else {}
        reply = await chat.say(line, user, chat_kind=kind, chat_id=chat_id, within=within, **flags)
        role = USERS.get(f"telegram:{user}")
        may = never is None and place_ok and role is not None and role >= LINES[line]
        expected = (
            ("asked" if line in ("/close XRP", "/set_risk 6", "/reset_kill all because") else "ok")
            if may
            else ""
        )
        where = f"user {user} {line} {kind} {chat_id} {never}"
        assert (chat.last.outcome in (expected, "asked", "ok")) is may, where
        if may:
            assert chat.last.outcome == expected, where
            continue
        assert chat.desk.done == [], where
        assert chat.last.outcome in ("refused", "denied"), where
        if never or not place_ok:
            assert reply is None, where


async def test_strangers_leave_no_claims(chat: Chat) -> None:
    await chat.say("/status", "666")
    await chat.say("/status", chat_kind=ChatKind.GROUP, chat_id="-999")
    assert chat.arrivals.rows == {}


async def test_a_name_is_no_identity(chat: Chat) -> None:
    assert await chat.say("/status", "666", user_name="user 1", **GROUP) is None
    assert await chat.say("/status", "1", platform="discord", **GROUP) is None
    assert chat.desk.done == []


async def test_strangers_learn_nothing_and_once_an_hour(chat: Chat) -> None:
    first = await chat.say("/status", "666")
    assert first is not None
    assert (first.text, first.fields, first.buttons) == ("", (), ())
    assert first.title == "This desk answers only its crew."
    assert await chat.say("/nosuch", "666") is None
    other = await chat.say("hello", "667")
    assert other is not None
    assert other.title == first.title
    chat.clock.forward(3_599_999)
    assert await chat.say("/status", "666") is None
    chat.clock.forward(1)
    assert await chat.say("/status", "666") is not None
    assert await chat.say("/status", "666", **GROUP) is None
    assert {outcome for _, outcome in chat.audit.outcomes} == {"denied"}


async def test_a_strangers_press_does_nothing(chat: Chat) -> None:
    card = await chat.reply("/set_risk 7", **GROUP)
    assert await chat.press(card, "Confirm", "666", **GROUP) is None
    assert chat.desk.done == []
    assert chat.last.outcome == "denied"


async def test_a_button_checks_the_role_of_who_presses(chat: Chat) -> None:
    card = await chat.reply("/status", **GROUP)
    reply = await chat.press(card, "Close", "3", **GROUP)
    assert reply is not None
    assert reply.title == "Not allowed"
    assert chat.last.outcome == "denied"


@pytest.mark.parametrize(
    "line,limit_s",
    [("/status", 300), ("/trades", 300), ("/pause", 120), ("/panic_close now", 120), ("/set_risk 6", 30)],
)
async def test_too_old_is_not_run_but_offered(chat: Chat, line: str, limit_s: int) -> None:
    sent = chat.clock.now_ms
    chat.clock.forward(limit_s * 1000)
    assert (await chat.reply(line, sent_at_ms=sent)).title != f"Too late: /{chat.last.command}"
    chat.desk.done.clear()
    chat.clock.forward(1)
    late = await chat.reply(line, sent_at_ms=sent)
    assert late.title == f"Too late: /{chat.last.command}"
    assert f"up to {limit_s} s" in late.text
    assert chat.last.outcome == "stale"
    assert chat.desk.done == []
    again = await chat.press(late, "Run it now")
    assert again is not None
    assert chat.last.outcome in ("ok", "asked")


async def test_messages_from_the_future_are_not_run(chat: Chat) -> None:
    reply = await chat.reply("/pause", sent_at_ms=chat.clock.now_ms + 61_000)
    assert "ahead of this machine's clock" in reply.text
    assert chat.desk.done == []


async def test_panic_now_that_waited_is_asked_again(chat: Chat) -> None:
    sent = chat.clock.now_ms
    chat.clock.forward(31_000)
    card = await chat.reply("/panic_close now", sent_at_ms=sent)
    assert chat.last.outcome == "asked"
    assert chat.desk.done == []
    await chat.press(card, "Confirm")
    assert chat.desk.done == [("panic_close", "")]


async def test_an_update_runs_at_most_once(chat: Chat) -> None:
    assert await chat.say("/pause", update_id="7") is not None
    assert await chat.say("/pause", update_id="7") is None
    assert await chat.say("/pause", update_id="7", platform="discord", user="9") is not None
    assert len(chat.desk.done) == 2
    assert chat.audit.outcomes[1] == ("pause", "duplicate")


async def test_an_update_claimed_by_an_earlier_process_does_not_run(chat: Chat) -> None:
    earlier = Arrival("telegram", "7", "telegram:2", "2", "/pause", 0, 0)
    assert await chat.arrivals.claim(earlier)
    assert await chat.say("/pause", update_id="7") is None
    assert chat.desk.done == []


async def test_without_a_database_the_process_remembers(chat: Chat) -> None:
    chat.arrivals.down = True
    assert (await chat.reply("/panic_close now", update_id="7")).title == "Flat"
    assert await chat.say("/panic_close now", update_id="7") is None
    assert len(chat.desk.done) == 1


async def test_what_cannot_come_twice_needs_no_claim(chat: Chat) -> None:
    for _ in range(2):
        assert await chat.say("/pause", update_id="") is not None
    assert chat.arrivals.rows == {}


async def test_rate_limit_burst_notice_and_recovery() -> None:
    chat = Chat(ChatLimits())
    for _ in range(5):
        assert (await chat.reply("/status")).ok
    over = await chat.reply("/status")
    assert over.title == "Too fast"
    assert "20 commands a minute; the next one in 3 s" in over.text
    assert await chat.say("/status") is None
    assert (await chat.reply("/status", user="3")).ok
    chat.clock.forward(3_000)
    assert (await chat.reply("/status")).ok
    assert (await chat.reply("/status")).title == "Too fast"
    assert chat.audit.outcomes.count(("status", "limited")) == 3
    assert len(chat.desk.done) == 7


async def test_twenty_a_minute_over_time() -> None:
    chat = Chat(ChatLimits())
    for _ in range(600):
        await chat.say("/status")
        chat.clock.forward(1_000)
    assert 200 <= len(chat.desk.done) <= 205


async def test_reads_cannot_use_up_the_allowance_of_the_brake() -> None:
    chat = Chat(ChatLimits())
    for _ in range(20):
        await chat.say("/status")
    assert (await chat.reply("/panic_close now")).title == "Flat"


async def test_the_console_has_no_rate_limit() -> None:
    chat = Chat(ChatLimits())
    for _ in range(50):
        assert await chat.say("/status", "me", platform="console", chat_kind=ChatKind.CONSOLE) is not None
    assert len(chat.desk.done) == 50


def test_incomplete_definitions_are_refused() -> None:
    @command(area="x", role=None)  # type: ignore[arg-type]
    async def roleless(desk: object) -> Reply:
        """Has help."""
        return Reply("")

    @command(area="x", role=Role.VIEWER)
    async def helpless(desk: object) -> Reply:
        return Reply("")

    @command(area="x", role=Role.TRADER, confirm=Confirm.CODE)
    async def blind(desk: object) -> Reply:
        """Asks without showing."""
        return Reply("")

    assert definition_faults(roleless) == ["/roleless declares no role"]
    assert definition_faults(helpless) == ["/helpless has no docstring"]
    assert definition_faults(blind) == ["/blind asks for a confirmation but has no preview"]
    with pytest.raises(ConfigError, match="/roleless declares no role; /helpless has no docstring"):
        Registry([roleless, helpless])


def test_names_are_taken_once() -> None:
    @command(area="x", role=Role.VIEWER, aliases=("b",))
    async def a(desk: object) -> Reply:
        """One."""
        return Reply("")

    @command(area="x", role=Role.VIEWER)
    async def b(desk: object) -> Reply:
        """Two."""
        return Reply("")

    with pytest.raises(ConfigError, match="/b is defined twice"):
        Registry([a, b])
