"""Column types that are exact on both databases.

MONEY is NUMERIC on PostgreSQL and the Decimal's own text on SQLite, which has no exact numbers: never a float.

MOMENT is a UTC time in whole milliseconds, as events carry it: TIMESTAMP WITH TIME ZONE on PostgreSQL, so that people
and their tools read it as a time, and a plain integer on SQLite. SQLite would keep a DateTime as text: 26 bytes
instead of 6, and parsed again for each of the 79,000 candles of a start; as an integer nothing is converted at all.
Both are exact to the millisecond.

WORDS is text that both databases accept and order alike, by its bytes: PostgreSQL knows no NUL character and orders
by the server's language if not told otherwise; neither knows halves of surrogate pairs.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import TIMESTAMP, BigInteger, Dialect, Numeric, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
FIRST_MS = (datetime.min.replace(tzinfo=UTC) - EPOCH) // MILLISECOND
LAST_MS = (datetime.max.replace(tzinfo=UTC) - EPOCH) // MILLISECOND
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def clean(text: str) -> str:
    """The text without what no database keeps, each such character replaced visibly."""
    if text.isascii():
        return text.replace("\0", REPLACEMENT) if "\0" in text else text
    whole = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return whole.replace("\0", REPLACEMENT)


class ExactText(TypeDecorator[Decimal]):
    """A Decimal as its text, every digit and the exponent kept."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """To the database."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        """From the database."""
        return None if value is None else Decimal(value)


class Timestamp(TypeDecorator[int]):
    """Milliseconds since the epoch as an aware timestamp, by whole-number arithmetic; it ends with the year 9999."""

    impl = TIMESTAMP(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> datetime | None:
        """To the database."""
        return None if value is None else EPOCH + min(max(value, FIRST_MS), LAST_MS) * MILLISECOND

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> int | None:
        """From the database; the first moment there is comes back without its zone."""
        return None if value is None else (value.replace(tzinfo=value.tzinfo or UTC) - EPOCH) // MILLISECOND


class Words(TypeDecorator[str]):
    """Text, cleaned on its way in."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """Byte order is what SQLite has anyway; PostgreSQL calls it "C"."""
        return dialect.type_descriptor(Text(collation="C") if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """To the database."""
        return None if value is None else clean(value)


MONEY = Numeric().with_variant(ExactText(), "sqlite")
MOMENT = BigInteger().with_variant(Timestamp(), "postgresql")
