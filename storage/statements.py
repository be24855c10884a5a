"""The few kinds of bulk statements, built once per table: SQLAlchemy Core, so that rows go in by the thousand."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Insert, Table, insert
from sqlalchemy.dialects import postgresql, sqlite

from storage.schema import Base

type Row = Mapping[str, Any]


def table(model: type[Base]) -> Table:
    """The table behind a model."""
    return Base.metadata.tables[model.__tablename__]


def add(connection: Connection, model: type[Base], rows: Sequence[Row]) -> None:
    """Insert new rows; one that is there already is a contradiction."""
    if rows:
        connection.execute(_plain(table(model)), rows)


def put(connection: Connection, model: type[Base], rows: Sequence[Row]) -> None:
    """Insert rows, or bring those that are there to these values."""
    if rows:
        connection.execute(_put(connection.dialect.name, table(model)), rows)


def add_missing(connection: Connection, model: type[Base], rows: Sequence[Row]) -> None:
    """Insert rows, leaving alone those that are there."""
    if rows:
        connection.execute(_missing(connection.dialect.name, table(model)), rows)


def claim(connection: Connection, model: type[Base], row: Row) -> bool:
    """Insert one row; False when it is there already."""
    return connection.execute(_missing(connection.dialect.name, table(model)), row).rowcount == 1


def put_only(connection: Connection, model: type[Base], row: Row, changed: str) -> None:
    """Insert one row, or bring a single column of the one that is there to its value."""
    statement = _upsert(connection.dialect.name, into := table(model)).values(**row)
    change = {changed: row[changed]}
    connection.execute(statement.on_conflict_do_update(index_elements=list(into.primary_key), set_=change))


@cache
def _plain(into: Table) -> Insert:
    return insert(into)


@cache
def _put(dialect: str, into: Table) -> Insert:
    statement = _upsert(dialect, into)
    changed = {c.name: statement.excluded[c.name] for c in into.columns if not c.primary_key}
    return statement.on_conflict_do_update(index_elements=list(into.primary_key), set_=changed)


@cache
def _missing(dialect: str, into: Table) -> Insert:
    return _upsert(dialect, into).on_conflict_do_nothing(index_elements=list(into.primary_key))


def _upsert(dialect: str, into: Table) -> sqlite.Insert | postgresql.Insert:
    return sqlite.insert(into) if dialect == "sqlite" else postgresql.insert(into)
