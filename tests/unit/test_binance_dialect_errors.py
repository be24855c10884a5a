"""The outcome table of Binance: complete, and nothing in it that could lose or double an order."""

import ccxt
import pytest

from bot.venues.binance import asks, errors
from bot.venues.binance.errors import TABLE, Kind
from bot.venues.ccxt_venue.wire import Ask, Lane, Reply
from bot.venues.outcome import Verdict

CHANGING = (Kind.SUBMIT, Kind.CANCEL, Kind.SETTING)
READING = (Kind.QUERY, Kind.READ)
EVERY = (*CHANGING, *READING)


def verdict(kind: Kind, status: int, code: str = "", body: object = ()) -> Verdict:
    return errors.verdict(Reply(status, code, "", body, {}), kind)


def test_every_code_that_ccxt_knows_of_usdm_futures_has_a_row() -> None:
    known = ccxt.binanceusdm().exceptions
    codes = {code for table in (known["exact"], known["linear"]["exact"]) for code in table}
    codes = {code for code in codes if code.lstrip("-").isdigit() and len(code) == 5}
    assert len(codes) >= 200
    assert codes - set(TABLE) == set()


def test_every_row_says_why_and_is_about_a_code() -> None:
    assert len(TABLE) > 200
    for code, meaning in TABLE.items():
        assert code.startswith("-")
        assert code[1:].isdigit()
        assert 5 < len(meaning.why) < 120


@pytest.mark.parametrize("code", ["-1000", "-1001", "-1006", "-1007", "-1008"])
@pytest.mark.parametrize("status", [200, 400, 503])
def test_an_execution_that_may_have_been_is_asked_after(code: str, status: int) -> None:
    for kind in CHANGING:
        assert verdict(kind, status, code) is Verdict.UNKNOWN
    for kind in READING:
        assert verdict(kind, status, code) is Verdict.NOT_DONE


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 599])
@pytest.mark.parametrize("code", ["", "-1003", "-2011", "-2013", "-2019", "-4046", "-9999"])
def test_no_body_makes_a_5xx_certain(status: int, code: str) -> None:
    for kind in CHANGING:
        assert verdict(kind, status, code) is Verdict.UNKNOWN


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("code", ["", "-1003", "-2019", "-9999"])
def test_bans_and_pace_go_by_the_status(kind: Kind, code: str) -> None:
    assert verdict(kind, 418, code) is Verdict.BANNED
    assert verdict(kind, 429, code) is Verdict.THROTTLED


@pytest.mark.parametrize("kind", EVERY)
def test_what_concerns_key_clock_and_pace_is_the_same_for_all(kind: Kind) -> None:
    for code in ("-1002", "-1022", "-2014", "-2015"):
        assert verdict(kind, 401, code) is Verdict.AUTH
        assert verdict(kind, 400, code) is Verdict.AUTH
    assert verdict(kind, 401) is Verdict.AUTH
    assert verdict(kind, 451) is Verdict.AUTH
    assert verdict(kind, 403) is Verdict.THROTTLED
    assert verdict(kind, 400, "-1021") is Verdict.CLOCK
    for code in ("-1003", "-1015"):
        assert verdict(kind, 400, code) is Verdict.THROTTLED


def test_what_is_so_already_is_so() -> None:
    for code in ("-4046", "-4059"):
        assert verdict(Kind.SETTING, 400, code) is Verdict.BENIGN
        assert verdict(Kind.SUBMIT, 400, code) is Verdict.NOT_DONE
    for code in ("-2011", "-2013"):
        assert verdict(Kind.CANCEL, 400, code) is Verdict.BENIGN
        assert verdict(Kind.QUERY, 400, code) is Verdict.NOT_DONE
        assert verdict(Kind.SUBMIT, 400, code) is Verdict.NOT_DONE


def test_a_used_client_id_is_no_rejection() -> None:
    assert verdict(Kind.SUBMIT, 400, "-4116") is Verdict.UNKNOWN


def test_what_nobody_listed_is_unknown_where_it_may_have_changed_something() -> None:
    for status in (200, 302, 400, 404, 408, 409):
        for kind in CHANGING:
            assert verdict(kind, status, "-9999") is Verdict.UNKNOWN
        for kind in READING:
            assert verdict(kind, status, "-9999") is Verdict.NOT_DONE
    for status in (302, 400, 404, 408):
        assert verdict(Kind.SUBMIT, status) is Verdict.UNKNOWN
        assert verdict(Kind.READ, status) is Verdict.NOT_DONE


def test_a_good_answer_has_a_body() -> None:
    for kind in EVERY:
        assert verdict(kind, 200) is Verdict.DONE
        garbage = verdict(kind, 200, body=None)
        assert garbage is (Verdict.UNKNOWN if kind in CHANGING else Verdict.NOT_DONE)


def test_no_code_makes_a_submit_done_or_benign() -> None:
    """An order is only ever DONE by an answer that shows it."""
    for code in TABLE:
        assert verdict(Kind.SUBMIT, 400, code) not in (Verdict.DONE, Verdict.BENIGN)


def test_asks_are_of_a_kind() -> None:
    assert errors.kind_of(asks.submit({}, Lane.ENTRY, conditional=False)) is Kind.SUBMIT
    assert errors.kind_of(asks.submit({}, Lane.ENTRY, conditional=True)) is Kind.SUBMIT
    assert errors.kind_of(asks.cancel("X", "a", conditional=True)) is Kind.CANCEL
    assert errors.kind_of(asks.cancel_child("X", "1")) is Kind.CANCEL
    assert errors.kind_of(asks.query("X", "a", conditional=True)) is Kind.QUERY
    assert errors.kind_of(asks.set_leverage("X", 3)) is Kind.SETTING
    assert errors.kind_of(asks.RENEW_KEY) is Kind.READ
    assert errors.kind_of(Ask("fapiPrivateGetIncome")) is Kind.READ


@pytest.mark.parametrize(
    "body, code",
    [
        ({"code": -2019, "msg": "Margin is insufficient."}, "-2019"),
        ({"code": "-2019", "msg": "x"}, "-2019"),
        ({"code": 200, "msg": "success"}, ""),
        ({"code": "200", "msg": "success", "algoId": 5}, ""),
        ({"code": 0}, ""),
        ({"orderId": 5}, ""),
        ({"code": True}, ""),
        ({"code": None}, ""),
        ({"code": ["x"]}, ""),
        ([], ""),
        (None, ""),
        ("text", ""),
    ],
)
def test_codes_are_found_in_bodies(body: object, code: str) -> None:
    assert errors.code_of(body)[0] == code
