"""The dispatcher over the real database: at most once across restarts, an audit that proves itself."""

from pathlib import Path

from chat_fakes import Chat

from storage.database import Database, open_database


async def opened(path: Path) -> tuple[Chat, Database]:
    database = await open_database(f"sqlite:///{path}")
    chat = Chat()
    chat.dispatcher.audit = database.audit()
    chat.dispatcher._gates.arrivals = chat.dispatcher.arrivals = database.arrivals()
    return chat, database


async def test_an_update_runs_once_across_restarts(tmp_path: Path) -> None:
    for expected in (1, 0, 0):
        chat, database = await opened(tmp_path / "deck.sqlite")
        await chat.say("/pause", update_id="77")
        assert len(chat.desk.done) == expected
        await database.close()


async def test_the_audit_proves_itself_and_holds_no_control_characters(tmp_path: Path) -> None:
    chat, database = await opened(tmp_path / "deck.sqlite")
    for text in (
        "/status",
        "/pause",
        "/status \x00\x1b[31m\ud800",
        "/nosuch '; DROP TABLE commands; --",
        "/set_risk 7",
    ):
        await chat.say(text)
    await chat.say("/pause", user="666")
    entries = await database.audit().tail(100)
    assert [entry.outcome for entry in entries] == [
        "denied",
        "asked",
        "unknown_command",
        "bad_arguments",
        "ok",
        "ok",
    ]
    assert await database.audit().verify() == 0
    assert all(entry.arguments.isprintable() and entry.command.isprintable() for entry in entries)
    await database.close()
