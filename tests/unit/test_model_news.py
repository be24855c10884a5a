"""Hundreds of models that change at once are a few notices."""

import pytest

from bot.domain.notice import Severity
from bot.ml.shelf import Change, Kept, Missing, Swapped, Withdrawn
from cli.model_news import NAMED, ModelNews


def told(*bursts: list[Change]) -> list[tuple[Severity, str]]:
    found: list[tuple[Severity, str]] = []
    news = ModelNews(lambda severity, words: found.append((severity, words)))
    for burst in bursts:
        for one in burst:
            news.changed(one)
        news.settled()
    return found


def swapped(count: int) -> list[Change]:
    return [Swapped(("composite", f"S{number}USDT"), "v0002", "v0001") for number in range(count)]


def test_a_few_are_told_by_name() -> None:
    found = told([*swapped(NAMED), Withdrawn(("composite", "XRPUSDT"), "v0001")])
    assert [words for _, words in found] == [
        *(f"Model composite/S{number}USDT: v0002 is in use now instead of v0001" for number in range(NAMED)),
        "Model composite/XRPUSDT: v0001 was taken out of use",
    ]
    assert {severity for severity, _ in found} == {Severity.INFO}


def test_many_are_told_by_number_and_the_next_burst_begins_anew() -> None:
    found = told(swapped(263), swapped(1))
    assert len(found) == NAMED + 2
    assert found[NAMED] == (Severity.INFO, "And 258 models more: 258 now in use; the log names them")
    assert found[-1][1] == "Model composite/S0USDT: v0002 is in use now instead of v0001"


def test_those_that_cannot_be_used_are_told_by_name_beside_hundreds_that_can() -> None:
    bad: list[Change] = [Kept(("composite", f"B{n}USDT"), "v0002", "odd", "v0001") for n in range(7)]
    found = told([*swapped(100), *bad])
    critical = [words for severity, words in found if severity is Severity.CRITICAL]
    assert critical[:NAMED] == [
        f"Model composite/B{n}USDT: v0002 cannot be used, v0001 stays in use: odd" for n in range(NAMED)
    ]
    assert critical[NAMED:] == [
        "And 97 models more: 95 now in use, 2 cannot be used; the log names them",
    ]


@pytest.mark.parametrize(
    "change,words",
    [
        (Swapped(("a", "_general"), "v0001", ""), "Model a/_general: v0001 is in use now"),
        (
            Kept(("a", "XUSDT"), "", "its folder is gone", "v0001"),
            "Model a/XUSDT: what is in use cannot be read, v0001 stays in use: its folder is gone",
        ),
        (
            Kept(("a", "XUSDT"), "v0001", "odd", ""),
            "Model a/XUSDT: v0001 cannot be used, its signals have no score: odd",
        ),
        (
            Missing("it is empty", 1),
            "The folder of models cannot be read, 1 model in use stay so: it is empty",
        ),
    ],
)
def test_each_in_its_words(change: Change, words: str) -> None:
    assert [said for _, said in told([change])] == [words]
