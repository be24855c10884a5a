"""One conversation on four faces: a real engine behind the real client libraries at their emulators.

Whatever Ann, Bea and Eve do at Telegram, Discord, Slack or the console on identical markets, they are answered the
same, the audit says the same, and the books are the same at the end.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from chat_house import FACES, chat_house
from chat_script import CLOSES, MORE, PAST, SCRIPT
from chat_talk import NEVER_SENT, Exchange, Talk, lacking, offered, pressed, unshown
from house_parts import in_virtual_time
from whole_house import market

from handlers.registry import load_registry

LEAST = 120
FRAMES = (market(CLOSES), market([round(close * 1.1, 4) for close in CLOSES], "BTCUSDT"))


@dataclass(frozen=True, slots=True)
class Played:
    """What is left of a conversation."""

    face: str
    made: tuple[Exchange, ...]
    facts: tuple[list[object], ...]
    told: dict[str, Counter[str]]
    books: str
    turns: int


def played(home: Path, face: str) -> Played:
    """The whole script at one face."""
    found: list[Played] = []

    async def play() -> None:
        async with chat_house(home / face, face, FRAMES, MORE, PAST) as house:
            talk = Talk(house)
            users = {"eve": house.eve.user, "bea": house.bea.user}
            await talk.play(step.format(**users) for step in SCRIPT)
            await talk.press_the_rest()
            talk.end()
            told = {who: talk.notices(who) for who in ("ann", "bea", "eve")}
            facts = tuple(talk.facts(one) for one in talk.made)
            found.append(Played(face, tuple(talk.made), facts, told, house.books(), talk.turns))

    (home / face).mkdir()
    in_virtual_time(play)
    return found[0]


def spoken(step: str) -> str:
    """The command a step of the script says, "" when it says none."""
    line = step.rpartition(": ")[2] if step.startswith(("bea", "eve")) else step
    line = line.removeprefix("pages ")
    if line.startswith("late "):
        line = line.split(" ", 2)[2]
    return line[1:].split(" ")[0] if line.startswith("/") else ""


def test_the_script_says_every_command() -> None:
    registry = load_registry()
    said = {found.name for step in SCRIPT if (found := registry.find(spoken(step)))}
    assert {command.name for command in registry} - said == set()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_one_conversation_on_four_faces(tmp_path: Path) -> None:
    first, *others = (played(tmp_path, face) for face in FACES)
    for one in (first, *others):
        assert len(one.made) >= LEAST, one.face
        assert list(not_shown(one)) == []
        assert left_out(one) == set()
    happened(first)
    for one in others:
        assert list(unlike(first, one)) == []
        assert one.told == first.told
        assert one.books == first.books


ENDINGS = (
    *("ok", "refused", "denied", "stale", "bad_arguments", "unknown_command", "asked", "waiting"),
    *("cancelled", "expired"),
)


HAPPENED = ("The figures changed", "Wrong code", "is for the role trader", "Restarting")
TOLD = (
    "XRPUSDT at or above",
    "Access asked for",
    "Second confirmation",
    "Expired",
    "Arrived while I was away",
)


def happened(one: Played) -> None:
    """The script went where it was meant to go."""
    assert {row.outcome for exchange in one.made for row in exchange.rows} >= set(ENDINGS)
    said = "\n".join(f"{reply.title} {reply.text}" for exchange in one.made for reply in exchange.replies)
    told = "\n".join(title for titles in one.told.values() for title in titles)
    assert [word for word in HAPPENED if word not in said] == []
    assert [word for word in TOLD if word not in told] == []
    assert one.turns > 0
    assert sum(exchange.asks for exchange in one.made) > 3


def not_shown(one: Played) -> Iterator[str]:
    """Answers of which a person did not see all."""
    for exchange in one.made:
        missing = [*unshown(exchange), *lacking(exchange)]
        if missing:
            yield f"{one.face} {exchange.number} {exchange.deed}: {missing[:5]}"


def left_out(one: Played) -> set[str]:
    """Kinds of buttons that were shown and never pressed."""
    return {name for name in offered(one.made) if name not in pressed(one.made)}


def unlike(first: Played, other: Played) -> Iterator[str]:
    """Exchanges that were not the same on both faces; what Discord's client keeps back never reached the desk."""
    if [one.deed for one in first.made] != [one.deed for one in other.made]:
        yield f"{other.face}: other deeds"
    for mine, theirs, ours, yours in zip(first.made, other.made, first.facts, other.facts, strict=False):
        name = f"{other.face} {theirs.number} {theirs.deed}"
        if theirs.seen.kept and not mine.seen.kept:
            if not {row.outcome for row in mine.rows} <= NEVER_SENT:
                yield f"{name}: kept back: {theirs.seen.kept}"
        elif not mine.asks:
            if ours != yours:
                yield f"{name}: {ours} is not {yours}"
            if mine.rows != theirs.rows:
                yield f"{name}: {mine.rows} is not {theirs.rows}"
