"""Phantoms in chat: what refusing saved or cost, by symbol and by gate, page by page, for any span of time."""

from dataclasses import dataclass, field, replace

import pytest
from command_kit import Talk, busy_desk, fields, rows
from fakes_desk import NOW

from bot.domain.errors import StorageError
from bot.domain.market import DAY_MS
from bot.domain.signal import Side
from bot.ml.phantom import Ending, Followed, Outcome, Terms, phantom_of
from bot.runtime.phantoms import PhantomTally
from handlers.format import UNKNOWN
from handlers.learning import NoPhantoms, Phantoms

TALLIES = (
    PhantomTally("BTCUSDT", "", 1, 5, 3, 20.0),
    PhantomTally("BTCUSDT", "model", 0, 9, 3, -41.5),
    PhantomTally("ETHUSDT", "spread", 2, 1, 1, 7.25),
)


@dataclass
class Records(NoPhantoms):
    """What was followed."""

    known: tuple[PhantomTally, ...] = TALLIES
    one: Followed | None = None
    asked: list[int] = field(default_factory=list)

    async def tallies(self, since_ms: int = 0) -> tuple[PhantomTally, ...]:
        self.asked.append(since_ms)
        return self.known

    async def found(self, strategy: str, symbol: str, bar_at_ms: int) -> Followed | None:
        return (
            self.one
            if self.one is not None and self.one.phantom.key == (strategy, symbol, bar_at_ms)
            else None
        )


def talk(records: Records) -> Talk:
    return Talk(busy_desk(), user="3", context=(Phantoms(records),))


async def test_by_symbol_taken_stands_against_refused() -> None:
    reply = await talk(Records()).say("/phantoms")
    btc, eth = rows(reply)
    assert (btc["Taken"], btc["Won"], btc["Net USDT"]) == ("5", "60.0%", "+20.00")
    assert (btc["Refused"], btc["Would win"], btc["Would net USDT"]) == ("9", "33.3%", "-41.50")
    assert btc["Still followed"] == "1"
    assert (eth["Taken"], eth["Won"], eth["Net USDT"]) == ("0", UNKNOWN, UNKNOWN), (
        "none taken is no win rate of nought"
    )
    assert eth["Still followed"] == "2"


async def test_what_refusing_saved_or_cost() -> None:
    reply = await talk(Records()).say("/phantom_stats")
    told = fields(reply)
    assert told["Taken"] == "5, 60.0% won; they made +20.00 USDT"
    assert told["Refused"] == "10, 40.0% won; they would have made -34.25 USDT"
    assert told["Refusing"] == "saved 34.25 USDT"
    assert told["The model's filter"] == "saved 41.50 USDT"
    assert told["Still followed"] == "3"
    model, spread, taken = rows(reply)
    assert (model["Refused by"], model["Ended"], model["Won"], model["Refusing"]) == (
        "model", "9", "33.3%", "saved 41.50 USDT",
    )  # fmt: skip
    assert (spread["Refused by"], spread["Refusing"]) == ("spread", "cost 7.25 USDT")
    assert (taken["Refused by"], taken["Refusing"]) == ("(taken)", UNKNOWN)


async def test_of_one_symbol() -> None:
    told = fields(await talk(Records()).say("/phantom_stats eth"))
    assert told["Taken"] == "none"
    assert told["The model's filter"] == "has refused none"
    assert told["Refusing"] == "cost 7.25 USDT"
    reply = await talk(Records()).say("/phantom_stats xrp")
    assert (reply.ok, reply.table) == (True, None)
    assert reply.title.startswith("Phantoms · XRPUSDT none")


@pytest.mark.parametrize(
    "line,since_ms", [("day", NOW - DAY_MS), ("week", NOW - 7 * DAY_MS), ("all", 0), ("", 0)]
)
async def test_spans_of_time(line: str, since_ms: int) -> None:
    records = Records()
    chat = talk(records)
    for name in ("phantoms", "phantom_stats"):
        await chat.say(f"/{name} {line}")
    assert records.asked == [since_ms, since_ms]
    card = await chat.say("/phantom_stats btc week")
    assert (await chat.press(card, "Month")).title == "Phantoms · BTCUSDT · last month"


async def test_many_symbols_come_page_by_page() -> None:
    known = tuple(PhantomTally(f"S{number:03}USDT", "", 0, 1, 1, 1.0) for number in range(45))
    chat = talk(Records(known))
    first = await chat.say("/phantoms")
    second = await chat.press(first, "Next page")
    third = await chat.press(second, "Next page")
    seen = [row["Symbol"] for page in (first, second, third) for row in rows(page)]
    assert seen == sorted(one.symbol for one in known)
    assert third.title == "Phantoms · 45, page 3 of 3"
    assert not any(button.label == "Next page" for button in third.buttons)
    assert rows(await chat.press(third, "Page before")) == rows(second)
    beyond = await chat.say("/phantoms all 4")
    assert (beyond.ok, beyond.text) == (False, "There is no page 4; there are 3 pages.")


async def test_what_has_not_ended_is_not_counted_as_saved() -> None:
    told = fields(
        await talk(Records((PhantomTally("BTCUSDT", "model", 4, 0, 0, 0.0),))).say("/phantom_stats")
    )
    assert told["Refusing"] == told["The model's filter"] == "nothing has ended yet"
    assert told["Refused"] == "none has ended yet"


async def test_why_tells_what_became_of_the_signal() -> None:
    desk = busy_desk()
    decision = desk.why("BTCUSDT").decision
    assert decision is not None
    phantom = phantom_of(decision, Terms(900_000))
    assert phantom is not None
    ending = Ending(Outcome.TARGET, 1, 64_000.0, 2, 65_000.0, 3, 0.001, 0.02, 0.0148, 14.8, 3)
    records = Records(one=Followed(phantom))
    chat = Talk(desk, context=(Phantoms(records),))
    assert "Followed alone" not in fields(await chat.say("/why btc")), "it has not ended"
    records.one = Followed(phantom, ending)
    words = fields(await chat.say("/why btc"))["Followed alone"]
    assert "to its target after 3 bars: 64000.0 to 65000.0, +14.80 USDT" in words
    assert words.startswith("came" if phantom.taken else "would have come")
    records.one = Followed(replace(phantom, side=Side.SHORT, refused_by="model"), ending)
    assert fields(await chat.say("/why btc"))["Followed alone"].startswith("would have come")


async def test_books_that_cannot_be_read_are_told_without_their_text() -> None:
    class Broken(NoPhantoms):
        async def tallies(self, since_ms: int = 0) -> tuple[PhantomTally, ...]:
            raise StorageError("secret /path is locked")

        async def found(self, strategy: str, symbol: str, bar_at_ms: int) -> Followed | None:
            raise StorageError("secret /path is locked")

    chat = Talk(busy_desk(), context=(Phantoms(Broken()),))
    for line in ("/phantoms", "/phantom_stats"):
        reply = await chat.say(line)
        assert not reply.ok
        assert "secret" not in reply.text
    why = await chat.say("/why btc")
    assert why.ok
    assert "Last decision" in fields(why)
