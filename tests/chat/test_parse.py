"""From words to arguments: the table, the slips, the hostile input."""

from decimal import Decimal
from typing import cast

import pytest
from chat_fakes import COMMANDS, FakeDesk
from hypothesis import given
from hypothesis import strategies as st

from bot.runtime.desk import Desk
from handlers.parse import Arguments, Bad, Missing, bind_form, bind_line
from handlers.registry import Registry

DESK = cast(Desk, FakeDesk())
REGISTRY = Registry(COMMANDS)


def bind(line: str) -> Arguments | Missing | Bad:
    name, _, rest = line.partition(" ")
    command = REGISTRY.find(name)
    assert command is not None
    return bind_line(command, rest, DESK)


GOOD = [
    ("status", {}, "/status"),
    ("status xrp", {"symbol": "XRPUSDT"}, "/status XRPUSDT"),
    ("status XRP-usdt", {"symbol": "XRPUSDT"}, "/status XRPUSDT"),
    ("status xrp/usdt", {"symbol": "XRPUSDT"}, "/status XRPUSDT"),
    ("status XRP/USDT:USDT", {"symbol": "XRPUSDT"}, "/status XRPUSDT"),
    ("status $xrp", {"symbol": "XRPUSDT"}, "/status XRPUSDT"),
    ("trades", {}, "/trades"),
    ("trades 5", {"n": 5}, "/trades 5"),
    ("trades 5 btc", {"n": 5, "symbol": "BTCUSDT"}, "/trades 5 BTCUSDT"),
    ("trades btc", {"symbol": "BTCUSDT"}, "/trades symbol=BTCUSDT"),
    ("trades symbol=btc n=7", {"n": 7, "symbol": "BTCUSDT"}, "/trades 7 BTCUSDT"),
    ("trades 5 on", {"n": 5, "wide": True}, "/trades 5 wide=on"),
    ("pnl 9", {"n": 9}, "/pnl n=9"),
    ("pnl WEEK", {"period": "week"}, "/pnl week"),
    ("pnl month 3", {"period": "month", "n": 3}, "/pnl month 3"),
    ("close xrp", {"symbol": "XRPUSDT"}, "/close XRPUSDT"),
    ("close xrp 50%", {"symbol": "XRPUSDT", "percent": Decimal(50)}, "/close XRPUSDT 50"),
    ("set_risk 5", {"amount": Decimal(5)}, "/set_risk 5"),
    ("set_risk 5.50", {"amount": Decimal("5.50")}, "/set_risk 5.50"),
    ("set_risk $5", {"amount": Decimal(5)}, "/set_risk 5"),
    ("set_risk 5usdt", {"amount": Decimal(5)}, "/set_risk 5"),
    ("set_risk amount=5", {"amount": Decimal(5)}, "/set_risk 5"),
    ("set_risk 5 USDT", {"amount": Decimal(5)}, "/set_risk 5"),
    ("set_risk .5", {"amount": Decimal("0.5")}, "/set_risk 0.5"),
    ("stoploss xrp be", {"symbol": "XRPUSDT", "to": "be"}, "/stoploss XRPUSDT be"),
    ("sl xrp BE 2", {"symbol": "XRPUSDT", "to": "be", "trail": Decimal(2)}, "/stoploss XRPUSDT be 2"),
    ("stoploss xrp 0.52", {"symbol": "XRPUSDT", "to": Decimal("0.52")}, "/stoploss XRPUSDT 0.52"),
    ("note xrp two  words", {"symbol": "XRPUSDT", "text": "two words"}, "/note XRPUSDT two words"),
    ("note xrp symbol=a", {"symbol": "XRPUSDT", "text": "symbol=a"}, "/note XRPUSDT symbol=a"),
    ("reset_kill ALL it is fixed", {"symbol": "all", "reason": "it is fixed"}, "/reset_kill all it is fixed"),
    ('config "two words"', {"key": "two words"}, '/config "two words"'),
    ("panic_close btc", {"symbol": "BTCUSDT"}, "/panic_close BTCUSDT"),
]


@pytest.mark.parametrize("line,values,canonical", GOOD)
def test_good_lines(line: str, values: dict[str, object], canonical: str) -> None:
    bound = bind(line)
    assert isinstance(bound, Arguments)
    assert bound.values == values
    assert bound.line == canonical


@pytest.mark.parametrize("line,values,canonical", GOOD)
def test_a_canonical_line_means_the_same(line: str, values: dict[str, object], canonical: str) -> None:
    again = bind(canonical.removeprefix("/"))
    assert isinstance(again, Arguments)
    assert (again.values, again.line) == (values, canonical)


BAD = [
    ("status XPR", "“XPR” is no traded symbol. Did you mean XRPUSDT?"),
    ("status ???", "is no traded symbol"),
    ("status btc eth", "“eth” is one word too many"),
    ("trades 0", "n must be a whole number from 1 to 100, not “0”"),
    ("trades 101", "from 1 to 100"),
    ("trades 2.5", "whole number"),
    ("trades 101 btc", "from 1 to 100"),
    ("trades -1", "from 1 to 100"),
    ("trades soon", "n must be a whole number"),
    ("trades n=1 n=2", "given twice"),
    ("pnl mnth", "period must be day, week or month, not “mnth”. Did you mean month?"),
    ("pnl 1000", "from 1 to 60"),
    ("close xrp 0", "from 0.1 to 100"),
    ("close xrp 101", "from 0.1 to 100"),
    ("set_risk nan", "amount must be a number from 0.1 to 1000 USDT, not “nan”"),
    ("set_risk inf", "amount must be"),
    ("set_risk -inf", "amount must be"),
    ("set_risk 1e3", "amount must be"),
    ("set_risk 0x10", "amount must be"),
    ("set_risk 1_000", "amount must be"),
    ("set_risk 1,5", "without thousands commas"),
    ("set_risk ٣", "amount must be"),
    ("set_risk 99999999999999999999999999", "amount must be"),
    ("set_risk 5 USDT USDT", "one word too many"),
    ("stoploss xrp up", "to must be a number from 0 or be"),
    ("panic_close XPR", "Did you mean XRPUSDT?"),
    ("panic_close XPR now", "Did you mean XRPUSDT?"),
    ("reset_kill al x", "may also be all"),
    ("config " + "x" * 301, "may have 300 characters"),
    ("config " + "x" * 10_000, "10,000 characters"),
    ("status '; DROP TABLE trades;--", "no traded symbol"),
    ("status <b>x</b>", "no traded symbol"),
    ("status 🚀🚀", "“🚀🚀” is no traded symbol"),
]


@pytest.mark.parametrize("line,text", BAD)
def test_bad_lines_say_what_is_allowed(line: str, text: str) -> None:
    bound = bind(line)
    assert isinstance(bound, Bad)
    assert text in bound.text
    assert "\n" not in bound.text
    assert len(bound.text) < 400


def test_a_bad_symbol_offers_the_whole_line_corrected() -> None:
    bound = bind("close XPR 50")
    assert isinstance(bound, Bad)
    assert bound.offers == ("/close XRPUSDT 50",)


def test_missing_values_keep_what_was_given() -> None:
    bound = bind("stoploss xrp")
    assert isinstance(bound, Missing)
    assert (bound.parameter.name, bound.line) == ("to", "/stoploss xrp ")
    named = bind("stoploss to=be")
    assert isinstance(named, Missing)
    assert (named.parameter.name, named.line) == ("symbol", "/stoploss to=be symbol=")


def test_the_flag_that_skips_confirmation_may_stand_anywhere() -> None:
    for line in ("panic_close now", "panic_close btc NOW", "panic_close now btc"):
        bound = bind(line)
        assert isinstance(bound, Arguments)
        assert bound.at_once


def test_forms_are_read_by_name() -> None:
    command = REGISTRY.find("close")
    assert command is not None
    good = bind_form(command, {"symbol": "xrp", "percent": "50.0"}, DESK)
    assert isinstance(good, Arguments)
    assert good.values == {"symbol": "XRPUSDT", "percent": Decimal("50.0")}
    missing = bind_form(command, {"percent": "50", "symbol": " "}, DESK)
    assert isinstance(missing, Missing)
    assert missing.line == "/close percent=50 symbol="
    for wrong in ({"symbol": "xrp", "__proto__": "1"}, {"symbol": "no"}, {"symbol": "x" * 2000}):
        assert isinstance(bind_form(command, wrong, DESK), Bad)


@pytest.mark.parametrize("value,at_once", [("true", True), ("now", True), ("false", False), ("", False)])
def test_forms_have_the_flag_too(value: str, at_once: bool) -> None:
    command = REGISTRY.find("panic_close")
    assert command is not None
    bound = bind_form(command, {"now": value}, DESK)
    assert isinstance(bound, Arguments)
    assert bound.at_once is at_once


@given(st.sampled_from(COMMANDS), st.text(max_size=200))
def test_no_line_breaks_the_parser(command: object, text: str) -> None:
    bound = bind_line(command, text, DESK)  # type: ignore[arg-type]
    if isinstance(bound, Bad):
        assert bound.text.isprintable()
        assert len(bound.text) < 500


@given(
    st.sampled_from(COMMANDS),
    st.lists(st.sampled_from(["xrp", "5", "0", "now", "be", "all", "n=3", "on", "é"])),
)
def test_what_binds_binds_again_from_its_own_line(command: object, words: list[str]) -> None:
    bound = bind_line(command, " ".join(words), DESK)  # type: ignore[arg-type]
    if isinstance(bound, Arguments):
        again = bind_line(command, bound.line.partition(" ")[2], DESK)  # type: ignore[arg-type]
        assert isinstance(again, Arguments)
        assert again.values == bound.values
