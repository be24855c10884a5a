"""Small facts of a venue account: kept over restarts, apart by account, forgotten when told so."""

from storage_kit import ACCOUNT, OTHER, opened

from storage.database import Database


async def test_facts_are_kept_over_a_restart(url: str) -> None:
    async with opened(url) as database:
        await database.venue_memory(ACCOUNT).save("ban_until_ms", "1700000000000")
        await database.venue_memory(ACCOUNT).save("stop:XYZUSDT", "qd-1")
        await database.venue_memory(ACCOUNT).save("stop:XYZUSDT", "qd-2")
    async with opened(url) as database:
        found = await database.venue_memory(ACCOUNT).load()
    assert found == {"ban_until_ms": "1700000000000", "stop:XYZUSDT": "qd-2"}


async def test_accounts_do_not_see_each_other(database: Database) -> None:
    await database.venue_memory(ACCOUNT).save("a", "1")
    assert await database.venue_memory(OTHER).load() == {}


async def test_an_empty_value_forgets(database: Database) -> None:
    memory = database.venue_memory(ACCOUNT)
    await memory.save("a", "1")
    await memory.save("b", "2")
    await memory.save("a", "")
    await memory.save("never", "")
    assert await memory.load() == {"b": "2"}
