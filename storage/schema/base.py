"""What all tables share: types, names, and how rows are ordered.

`place` orders what is only ever added: the journal line that led to it and its position among that line's actions, in
one number (see `batch.place_of`). It needs no counter, is the same when a commit is tried again, and leads back to
the event.
"""

from decimal import Decimal
from typing import Annotated, ClassVar

from sqlalchemy import BigInteger, Double, Integer, LargeBinary, MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from storage.columns import MOMENT, MONEY, Words

NAMES = {
    "pk": "pk_%(table_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(referred_table_name)s",
}
CLUSTERED = {"sqlite_with_rowid": False}

Moment = Annotated[int, mapped_column(MOMENT)]
MomentKey = Annotated[int, mapped_column(MOMENT, primary_key=True)]
Key = Annotated[str, mapped_column(primary_key=True)]
NumberKey = Annotated[int, mapped_column(primary_key=True, autoincrement=False)]
Count = Annotated[int, mapped_column(Integer)]


class Base(DeclarativeBase):
    """Root of all tables."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map: ClassVar = {
        Decimal: MONEY,
        bytes: LargeBinary,
        float: Double,
        int: BigInteger,
        str: Words,
    }


class OfAccount:
    """What belongs to one account."""

    account: Mapped[str] = mapped_column(primary_key=True, sort_order=-2)


class Placed(OfAccount):
    """What is only ever added, in the order it happened."""

    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, sort_order=-1)
