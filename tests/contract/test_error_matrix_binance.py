"""Every listed answer of Binance at every call site: the right outcome, the right effect, nothing sent twice.

What is expected is written down here by itself, not read from the table it checks: codes not named here are refusals.
"""

from collections.abc import Awaitable, Callable

import pytest
from binance_dialect_kit import (
    CLOSE,
    ENTRY,
    LIMIT,
    SNAPSHOT_PARTS,
    STOP,
    SYMBOL,
    TARGET,
    Scripted,
    income_row,
    position_row,
    quiet_account,
    scripted,
    trade_row,
)

from bot.domain.event import Call, CallEnded, OrderUpdated, Outcome
from bot.venues.binance import BinanceDialect
from bot.venues.binance.errors import TABLE
from bot.venues.outcome import Answer, Verdict
from bot.venues.port import VenueUnavailable

UNCERTAIN = {
    "-1000", "-1001", "-1006", "-1007", "-1008", "-1010", "-1016", "-2012", "-4078", "-5041",
}  # fmt: skip
GONE = {"-2011", "-2013"}
SENT_BEFORE = {"-4115", "-4116"}
SO_ALREADY = {"-4046", "-4059", "-4171"}
NOWHERE = "-9999"

type Case = tuple[int, str]

CODES: list[Case] = [(400, code) for code in (*TABLE, NOWHERE)]
OVERLOADED: list[Case] = [
    (503, code) for code in ("-1000", "-1007", "-1008", "-2011", "-2013", "-2019", "-4116")
]
STATUSES: list[Case] = [
    (status, "") for status in (302, 400, 401, 403, 404, 408, 418, 429, 451, 500, 502, 503, 504, 520)
]
PACED: list[Case] = [(418, "-1003"), (429, "-1003"), (429, "-1015"), (401, "-2014"), (401, "-2015")]
CASES = CODES + OVERLOADED + STATUSES + PACED
OWN = ["timeout", "cut", "garbage", "refused", "ban", "slow"]
NAMES = [f"{status}{code}" for status, code in CASES]

CERTAIN_STATUSES = {401, 403, 418, 429, 451}


def uncertain(case: Case, *, submit: bool = False) -> bool:
    """Whether a changing ask that got this answer may have had an effect."""
    status, code = case
    if status in (418, 429):
        return False
    if status >= 500 or code == NOWHERE or (submit and code in SENT_BEFORE):
        return True
    return code in UNCERTAIN if code else status not in CERTAIN_STATUSES


def answer(case: Case) -> tuple[int, object]:
    status, code = case
    return status, {"code": int(code), "msg": "words"} if code else None


def own(code: str, *, changes: bool) -> Answer:
    """What the gateway says when no answer came, or nothing was sent."""
    if code in ("timeout", "cut", "garbage"):
        return Answer(Verdict.UNKNOWN if changes else Verdict.NOT_DONE, 0, code)
    return Answer(Verdict.BANNED if code == "ban" else Verdict.NOT_DONE, 0, code)


SUBMITS = {
    "market": (ENTRY, "fapiPrivatePostOrder"),
    "limit": (LIMIT, "fapiPrivatePostOrder"),
    "close": (CLOSE, "fapiPrivatePostOrder"),
    "stop": (STOP, "fapiPrivatePostAlgoOrder"),
    "target": (TARGET, "fapiPrivatePostAlgoOrder"),
}
METHODS = {
    False: ("fapiPrivateDeleteOrder", "fapiPrivateGetOrder"),
    True: ("fapiPrivateDeleteAlgoOrder", "fapiPrivateGetAlgoOrder"),
}


@pytest.mark.parametrize("site", SUBMITS)
@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_submit(site: str, case: Case) -> None:
    order, method = SUBMITS[site]
    dialect, gateway = scripted({method: answer(case)})
    ended = await dialect.submit(order)
    expected = Outcome.UNKNOWN if uncertain(case, submit=True) else Outcome.NOT_DONE
    assert (ended.outcome, ended.call) == (expected, Call.SUBMIT)
    assert (ended.client_id, ended.symbol) == (order.client_id, SYMBOL)
    assert ended.code == (case[1] or f"HTTP {case[0]}" if case[0] >= 400 else ended.code)
    assert ended.code
    assert gateway.changing() == [method]


@pytest.mark.parametrize("site", SUBMITS)
@pytest.mark.parametrize("code", OWN)
async def test_submit_without_an_answer(site: str, code: str) -> None:
    order, method = SUBMITS[site]
    dialect, gateway = scripted({method: own(code, changes=True)})
    ended = await dialect.submit(order)
    sent = code in ("timeout", "cut", "garbage")
    assert ended.outcome is (Outcome.UNKNOWN if sent else Outcome.NOT_DONE)
    assert ended.code == code
    assert gateway.changing() == [method]


@pytest.mark.parametrize("conditional", [False, True], ids=["ordinary", "conditional"])
@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_cancel(conditional: bool, case: Case) -> None:
    cancel, query = METHODS[conditional]
    dialect, gateway = scripted({cancel: answer(case), query: (400, {"code": -2013, "msg": "no"})})
    ended = await dialect.cancel("qd0001-x1", SYMBOL, conditional)
    gone = case[1] in GONE and case[0] < 500
    expected = Outcome.DONE if gone else Outcome.UNKNOWN if uncertain(case) else Outcome.NOT_DONE
    assert (ended.outcome, ended.call, ended.client_id) == (expected, Call.CANCEL, "qd0001-x1")
    assert ended.code
    assert gateway.changing() == [cancel]


@pytest.mark.parametrize("conditional", [False, True], ids=["ordinary", "conditional"])
@pytest.mark.parametrize("code", OWN)
async def test_cancel_without_an_answer(conditional: bool, code: str) -> None:
    dialect, gateway = scripted({METHODS[conditional][0]: own(code, changes=True)})
    ended = await dialect.cancel("qd0001-x1", SYMBOL, conditional)
    sent = code in ("timeout", "cut", "garbage")
    assert ended.outcome is (Outcome.UNKNOWN if sent else Outcome.NOT_DONE)
    assert len(gateway.asked) == 1


@pytest.mark.parametrize("conditional", [False, True], ids=["ordinary", "conditional"])
@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_query(conditional: bool, case: Case) -> None:
    """Only `no such order` is a witness; a question that failed says nothing, whatever it failed of."""
    dialect, gateway = scripted({METHODS[conditional][1]: answer(case)})
    found = await dialect.query("qd0001-x1", SYMBOL, conditional)
    assert isinstance(found, CallEnded)
    denied = case[1] in GONE and case[0] < 500
    assert found.outcome is (Outcome.NOT_DONE if denied else Outcome.UNKNOWN)
    assert (found.code == "not found") is denied
    assert gateway.changing() == []


@pytest.mark.parametrize("conditional", [False, True], ids=["ordinary", "conditional"])
@pytest.mark.parametrize("code", OWN)
async def test_query_without_an_answer(conditional: bool, code: str) -> None:
    dialect, _ = scripted({METHODS[conditional][1]: own(code, changes=False)})
    found = await dialect.query("qd0001-x1", SYMBOL, conditional)
    assert isinstance(found, CallEnded)
    assert (found.outcome, found.code) == (Outcome.UNKNOWN, code)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_set_leverage(case: Case) -> None:
    """Binance has no word for a leverage that is so already: `so already` speaks of something else."""
    dialect, gateway = scripted({"fapiPrivatePostLeverage": answer(case)})
    ended = await dialect.set_leverage(SYMBOL, 10)
    so_already = case[1] in SO_ALREADY and case[0] < 500
    expected = Outcome.UNKNOWN if so_already or uncertain(case) else Outcome.NOT_DONE
    assert (ended.outcome, ended.client_id, ended.symbol) == (expected, "", SYMBOL)
    assert len(gateway.asked) == 1


def lively() -> dict[str, object]:
    """An account that makes a snapshot use every one of its calls."""
    script = dict(quiet_account(position_row()))
    script["fapiPrivateGetIncome"] = (200, [income_row("COMMISSION", "-0.25", "7")])
    script["fapiPrivateGetUserTrades"] = (200, [trade_row()])
    script["fapiPrivateGetOrder"] = (400, {"code": -2013, "msg": "Order does not exist."})
    return script  # type: ignore[return-value]


async def test_the_lively_account_uses_every_part() -> None:
    dialect, gateway = scripted(lively())  # type: ignore[arg-type]
    await dialect.snapshot(1)
    assert {ask.method for ask in gateway.asked} >= set(SNAPSHOT_PARTS)


@pytest.mark.parametrize("part", SNAPSHOT_PARTS)
@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_snapshot_is_whole_or_none(part: str, case: Case) -> None:
    dialect, gateway = scripted(lively() | {part: answer(case)})  # type: ignore[arg-type]
    with pytest.raises(VenueUnavailable) as failed:
        await dialect.snapshot(1)
    assert case[1] in str(failed.value)
    assert len(str(failed.value)) < 80
    assert gateway.changing() == []


NO_LISTS = ("fapiPublicGetTime", "fapiPrivateV3GetAccount")
LINES_ABOUT_NOTHING = ("fapiPrivateGetAllOrders", "fapiPrivateGetAllAlgoOrders", "fapiPrivateGetIncome")


def harmless(part: str, body: object) -> bool:
    """An empty list, or a line about nothing, is a good answer to some."""
    return (body == [] and part not in NO_LISTS) or (body == [{}] and part in LINES_ABOUT_NOTHING)


BODIES: list[object] = [{}, [], ["x"], "text", 5, [{}], {"positions": 1}]


@pytest.mark.parametrize(
    "part, body",
    [(part, body) for part in SNAPSHOT_PARTS for body in BODIES if not harmless(part, body)],
)
async def test_snapshot_of_garbage_is_none(part: str, body: object) -> None:
    dialect, _ = scripted(lively() | {part: (200, body)})  # type: ignore[arg-type]
    with pytest.raises(VenueUnavailable):
        await dialect.snapshot(1)


@pytest.mark.parametrize("part", SNAPSHOT_PARTS)
@pytest.mark.parametrize("code", OWN)
async def test_snapshot_without_an_answer(part: str, code: str) -> None:
    dialect, _ = scripted(lively() | {part: own(code, changes=False)})  # type: ignore[arg-type]
    with pytest.raises(VenueUnavailable, match=code):
        await dialect.snapshot(1)


type Site = Callable[[BinanceDialect], Awaitable[CallEnded | OrderUpdated]]
SITES: dict[str, tuple[str, Site]] = {
    "submit": ("fapiPrivatePostOrder", lambda d: d.submit(ENTRY)),
    "submit conditional": ("fapiPrivatePostAlgoOrder", lambda d: d.submit(STOP)),
    "cancel": ("fapiPrivateDeleteOrder", lambda d: d.cancel("a", SYMBOL, False)),
    "cancel conditional": ("fapiPrivateDeleteAlgoOrder", lambda d: d.cancel("a", SYMBOL, True)),
    "query": ("fapiPrivateGetOrder", lambda d: d.query("a", SYMBOL, False)),
    "query conditional": ("fapiPrivateGetAlgoOrder", lambda d: d.query("a", SYMBOL, True)),
    "leverage": ("fapiPrivatePostLeverage", lambda d: d.set_leverage(SYMBOL, 5)),
}
GARBAGE = [{}, [], [[]], "text", 7, 0, False, {"orderId": None, "algoId": None}, {"orderId": "x", "algoId": "y"},
           {"orderId": -1, "algoId": 0}, {"orderId": 1e400}, {"leverage": "abc"}]  # fmt: skip


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("body", GARBAGE, ids=repr)
async def test_a_good_answer_about_nothing_is_unknown(site: str, body: object) -> None:
    method, call = SITES[site]
    dialect, gateway = scripted({method: (200, body)})
    ended = await call(dialect)
    assert isinstance(ended, CallEnded)
    assert (ended.outcome, ended.code) == (Outcome.UNKNOWN, "garbage")
    assert len(gateway.asked) == 1


def test_the_matrix_is_large_enough_to_mean_something() -> None:
    sites = len(SUBMITS) + 2 + 2 + 1 + len(SNAPSHOT_PARTS)
    assert len(CASES) * sites > 4_500
    assert isinstance(scripted()[1], Scripted)
