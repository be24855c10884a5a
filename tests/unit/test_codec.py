"""The codec keeps every event and action exactly, writes one value one way, and refuses what JSON cannot hold."""

import os
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from math import inf, nan
from pathlib import Path

import pytest
from domain_values import of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.action import Answer, Notify, RecordSetting, SetLeverage
from bot.domain.command import Done, Pause, SetParameter
from bot.domain.event import (
    CandlesClosed,
    CommandIssued,
    QuotesSeen,
    SnapshotTaken,
    Started,
    Stopping,
    WalletSeen,
)
from bot.domain.guard import Limits, Sizing, SizingMode
from bot.domain.market import Candle, Quote
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.domain.refusal import Refused
from bot.domain.snapshot import Recovered, VenueSnapshot
from bot.runtime.codec import (
    ACTIONS,
    COMMANDS,
    EVENTS,
    actions_digest,
    decode,
    decode_action,
    decode_event,
    encode,
    encode_event,
)

ROOT = Path(__file__).parents[2]
CANDLE = Candle("BTCUSDT", 1_700_000_000_000, 1.0, 2.0, 0.5, 1.5, 10.0)

relaxed = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("cls", EVENTS, ids=lambda cls: cls.__name__)
def test_every_event_survives(cls: type) -> None:
    @relaxed
    @given(of(cls))
    def check(event: object) -> None:
        data = encode_event(event)
        assert decode_event(data) == event
        assert encode_event(decode_event(data)) == data

    check()


@pytest.mark.parametrize("cls", ACTIONS, ids=lambda cls: cls.__name__)
def test_every_action_survives(cls: type) -> None:
    @relaxed
    @given(of(cls))
    def check(action: object) -> None:
        data = encode(action)
        assert decode_action(data) == action
        assert decode(data, cls) == action

    check()


@pytest.mark.parametrize("cls", COMMANDS, ids=lambda cls: cls.__name__)
def test_every_command_survives_inside_its_event(cls: type) -> None:
    @relaxed
    @given(of(cls))
    def check(command: object) -> None:
        event = CommandIssued(1, "c1", "anna", command)
        back = decode_event(encode_event(event))
        assert isinstance(back, CommandIssued)
        assert type(back.command) is cls
        assert back == event

    check()


@pytest.mark.parametrize("value", [True, False, 1, 0, 1.0, 0.0, -0.0, 1e300, "1", "true", ""])
def test_parameter_values_keep_their_type(value: int | float | bool | str) -> None:
    command = decode(encode(SetParameter("BTCUSDT", "period", value)), SetParameter)
    assert type(command.value) is type(value)
    assert repr(command.value) == repr(value)


@pytest.mark.parametrize(
    "text", ["0", "1E+2", "0E-8", "1.10", "-0.00000001", "12345678901234567890.123456789"]
)
def test_decimals_keep_every_digit(text: str) -> None:
    event = decode_event(encode_event(WalletSeen(1, Decimal(text))))
    assert isinstance(event, WalletSeen)
    assert str(event.wallet) == str(Decimal(text))


@pytest.mark.parametrize("figure", [nan, inf, -inf])
def test_floats_that_json_cannot_hold_are_refused(figure: float) -> None:
    for event in (
        CandlesClosed(1, "15m", (replace(CANDLE, volume=figure),)),
        QuotesSeen(1, (Quote("BTCUSDT", 1, 1.0, figure, 1.0, 1.0),)),
        CommandIssued(1, "c1", "anna", SetParameter("", "period", figure)),
        WalletSeen(1, Decimal(figure)),
    ):
        with pytest.raises(
            ValueError, match=f"{type(event).__name__} cannot be written down: .*(nan|inf|NaN|Inf)"
        ):
            encode_event(event)


def test_large_finite_candles_are_no_infinities() -> None:
    event = CandlesClosed(1, "15m", (replace(CANDLE, high=1.7e308, open=1.7e308),))
    assert decode_event(encode_event(event)) == event


def test_whole_numbers_in_float_fields_are_written_as_floats() -> None:
    whole = CandlesClosed(1, "15m", (replace(CANDLE, open=1),))
    assert encode_event(whole) == encode_event(CandlesClosed(1, "15m", (CANDLE,)))


@pytest.mark.parametrize(
    "event",
    [
        WalletSeen(1, 1.5),
        WalletSeen(1.5, Decimal(1)),
        Stopping("now"),
        WalletSeen(1, None),
        CandlesClosed(1, "15m", (1,)),
    ],
)
def test_wrong_types_are_refused(event: object) -> None:
    with pytest.raises(ValueError, match="cannot be written down"):
        encode(event)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"7",
        b'"Stopping"',
        b"{}",
        b'{"is":"Nothing","at_ms":1}',
        b'{"is":"Stopping"}',
        b'{"is":"Stopping","at_ms":"1"}',
        b'{"is":"Stopping","at_ms":true}',
        b'{"is":"Stopping","at_ms":1.0}',
        b'{"is":"VenueLost","at_ms":1,"reason":5}',
        b'{"is":"StorageChanged","at_ms":1,"usable":1}',
        b'{"is":"WalletSeen","at_ms":1,"wallet":1.5}',
        b'{"is":"WalletSeen","at_ms":1,"wallet":"much"}',
        b'{"is":"WalletSeen","at_ms":1,"wallet":"NaN"}',
        b'{"is":"CandlesClosed","at_ms":1,"timeframe":"15m","candles":[["BTCUSDT",1,1.0]]}',
        b'{"is":"CandlesClosed","at_ms":1,"timeframe":"15m","candles":[["BTCUSDT",1,1.0,1.0,1.0,1.0,"1"]]}',
        b'{"is":"CommandIssued","at_ms":1,"command_id":"","actor":"","command":{"is":"Stopping","at_ms":1}}',
        b'{"is":"OrderUpdated","at_ms":1,"client_id":"","venue_id":"","symbol":"","status":"DREAMING"}',
        b"\xff\xfe",
    ],
)
def test_broken_lines_are_refused_in_one_line(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"^event cannot be read: ") as caught:
        decode_event(data)
    assert "\n" not in str(caught.value)


@relaxed
@given(st.binary(max_size=60))
def test_noise_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        decode_event(data)


def test_lone_surrogates_are_refused() -> None:
    with pytest.raises(ValueError, match="Notify cannot be written down"):
        encode(Notify(Notice(NoticeKind.JOB, Severity.INFO, 1, "\ud800")))


def test_fields_added_later_have_their_defaults() -> None:
    assert decode(b"{}", Limits) == Limits()
    assert decode(b'{"mode":"risk_usd","forgotten":1}', Sizing) == Sizing(SizingMode.RISK_USD)


def test_order_of_keys_does_not_matter() -> None:
    one, other = {"A": Decimal(1), "B": Decimal(2)}, {"B": Decimal(2), "A": Decimal(1)}
    first = SnapshotTaken(1, VenueSnapshot(1, Decimal(1), (), (), marks=one))
    assert encode(first) == encode(SnapshotTaken(1, VenueSnapshot(1, Decimal(1), (), (), marks=other)))


def test_digest_tells_actions_and_their_order_apart() -> None:
    leverage, answer = SetLeverage("BTCUSDT", 5), Answer("c1", Done())
    digests = {
        actions_digest(actions)
        for actions in (
            (),
            (leverage,),
            (answer,),
            (leverage, answer),
            (answer, leverage),
            (leverage, leverage),
        )
    }
    assert len(digests) == 6
    assert all(len(digest) == 64 for digest in digests)


DIGEST = """
from decimal import Decimal
from bot.domain.action import Answer, RecordSetting, SetLeverage
from bot.domain.command import Change, Done
from bot.domain.refusal import Refused
from bot.domain.snapshot import Recovered, VenueSnapshot
from bot.domain.event import SnapshotTaken
from bot.runtime.codec import actions_digest, encode
names = {f"SYM{i}USDT" for i in range(50)}
marks = {name: Decimal(len(name)) for name in names}
actions = (
    SetLeverage("BTCUSDT", 5),
    RecordSetting(1, "paused", "true", "anna", "off", "on"),
    Answer("c1", Done((Change("a", "b", "c"),))),
    Answer("c2", Refused("limit", "5 > 3")),
)
print(actions_digest(actions), encode(SnapshotTaken(1, VenueSnapshot(1, Decimal(1), (), (), marks=marks))).hex())
"""


def test_another_process_with_another_hash_seed_writes_the_same_bytes() -> None:
    answers = {
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(answers) == 1


def test_tags_name_members_of_unions_at_every_depth() -> None:
    text = encode_event(CommandIssued(1, "c1", "anna", Pause("BTCUSDT"))).decode()
    assert text == (
        '{"actor":"anna","at_ms":1,"command":{"is":"Pause","symbol":"BTCUSDT"},"command_id":"c1",'
        '"is":"CommandIssued","origin":""}'
    )
    assert decode_action(encode(Answer("c1", Refused("rule", "1 > 0")))) == Answer(
        "c1", Refused("rule", "1 > 0")
    )


def test_lines_of_older_journals_still_decode() -> None:
    """Fields that came later have defaults."""
    asked = decode_event(
        b'{"actor":"anna","at_ms":1,"command":{"is":"Pause","symbol":"BTCUSDT"},"command_id":"c1",'
        b'"is":"CommandIssued"}'
    )
    assert asked == CommandIssued(1, "c1", "anna", Pause("BTCUSDT"))
    old = encode(Started(1, Recovered())).replace(b'"kept":[],', b"")
    assert b"kept" not in old
    assert decode_event(old) == Started(1, Recovered())
    receipt = (
        b'{"asked":"1","average_price":"1","done":"1","left":"0","net":"0","slippage":"0",'
        b'"symbol":"X","took_ms":5}'
    )
    done = decode(b'{"changes":[],"receipts":[' + receipt + b'],"remarks":[]}', Done)
    assert (done.receipts[0].verified_ms, done.decision) == (0, None)
    change = b'{"is":"RecordSetting","at_ms":1,"key":"sizing","value":"1","actor":"a","before":"","after":""}'
    assert decode_action(change) == RecordSetting(1, "sizing", "1", "a", "", "")
