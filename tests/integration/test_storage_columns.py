"""Columns keep what they are given: money to the digit, times to the millisecond, words whatever they hold."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Column, Connection, MetaData, Table, insert, select, text
from storage_kit import NOW, SERVER, checked

from bot.domain.errors import StorageError
from storage.columns import FIRST_MS, LAST_MS, MOMENT, MONEY, Words, clean
from storage.database import Database

PROBE = Table(
    "probe",
    MetaData(),
    Column("n", BigInteger, primary_key=True),
    Column("sum", MONEY),
    Column("moment", MOMENT),
    Column("words", Words),
)
sums = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20)


async def kept(database: Database, rows: list[tuple[Decimal, int, str]]) -> list[tuple[Decimal, int, str]]:
    """What comes back of some rows."""

    def work(connection: Connection) -> list[tuple[Decimal, int, str]]:
        PROBE.drop(connection, checkfirst=True)
        PROBE.create(connection)
        named = [{"n": n, "sum": a, "moment": b, "words": c} for n, (a, b, c) in enumerate(rows)]
        connection.execute(insert(PROBE), named)
        found = connection.execute(select(PROBE.c.sum, PROBE.c.moment, PROBE.c.words).order_by(PROBE.c.n))
        return [tuple(row) for row in found]

    return await database._connections.write(work)


@settings(max_examples=10 if SERVER else 40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(sums, st.integers(FIRST_MS, LAST_MS), st.text(max_size=20)), min_size=1, max_size=20)
)
def test_rows_come_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Decimal, int, str]]
) -> None:
    async def work(database: Database) -> None:
        assert await kept(database, rows) == [(a, b, clean(c)) for a, b, c in rows]

    checked(tmp_path_factory.mktemp("columns"), work)


async def test_sums_keep_their_places(database: Database) -> None:
    texts = ["0.10", "-0.00000001", "123456789012345678901234567890.123456789", "0", "1.000"]
    found = await kept(database, [(Decimal(one), NOW, "") for one in texts])
    assert [f"{row[0]:f}" for row in found] == [f"{Decimal(one):f}" for one in texts]


async def test_money_is_never_a_float_in_the_file(database: Database) -> None:
    await kept(database, [(Decimal("0.1"), NOW, "")])
    kind = "pg_typeof(sum)::text" if SERVER else "typeof(sum)"

    def asked(connection: Connection) -> str:
        return str(connection.scalar(text(f"SELECT {kind} FROM probe")))

    assert await database._connections.read(asked) == ("numeric" if SERVER else "text")


@pytest.mark.parametrize(
    "typed, stored",
    [
        ("", ""),
        ("plain", "plain"),
        ("ünï 🙂", "ünï 🙂"),
        ("a\0b", "a\ufffdb"),
        ("ü\0", "ü\ufffd"),
        ("\x1b[31m\r\n\t", "\x1b[31m\r\n\t"),
    ],
)
def test_words_are_cleaned_of_what_no_database_keeps(typed: str, stored: str) -> None:
    assert clean(typed) == stored
    assert clean(stored) == stored


@given(st.text(st.characters()))
def test_clean_words_can_always_be_encoded(typed: str) -> None:
    assert "\0" not in clean(typed)
    clean(typed).encode()


async def test_words_are_ordered_by_their_bytes(database: Database) -> None:
    words = ["b", "B", "a", "_", "é", "A1", "a-1", "Z", "币"]
    await kept(database, [(Decimal(1), NOW, word) for word in words])

    def ordered(connection: Connection) -> list[str]:
        return list(connection.scalars(select(PROBE.c.words).order_by(PROBE.c.words)))

    assert await database._connections.read(ordered) == sorted(words, key=str.encode)


async def test_numbers_too_large_are_one_line(database: Database) -> None:
    def work(connection: Connection) -> None:
        PROBE.create(connection)
        connection.execute(insert(PROBE), [{"n": 2**70, "sum": None, "moment": NOW, "words": ""}])

    with pytest.raises(StorageError, match="a value cannot be stored") as caught:
        await database._connections.write(work)
    assert "\n" not in str(caught.value)
