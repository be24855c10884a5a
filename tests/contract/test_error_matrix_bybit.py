"""Every answer of Bybit's the table lists, at every kind of call: the right class, and the right effect."""

from itertools import product

import pytest
from bybit_dialect_kit import BTC, answer_of, listed, ok, order, refused, stand, stop

from bot.domain.event import CallEnded, Outcome
from bot.venues.bybit import errors
from bot.venues.bybit.errors import CODES, OUR_WORDS, STATUSES, Kind, kind_of
from bot.venues.ccxt_venue.wire import Ask, Reply
from bot.venues.outcome import OUTCOMES, Verdict
from bot.venues.port import VenueUnavailable

ASKS = {
    Kind.SUBMIT: Ask(errors.CREATE, changes=True),
    Kind.STOP: Ask(errors.TRADING_STOP, changes=True),
    Kind.CANCEL: Ask(errors.CANCEL, changes=True),
    Kind.SETTING: Ask("privatePostV5PositionSetLeverage", changes=True),
    Kind.READ: Ask("privateGetV5OrderRealtime"),
}
CHANGING = (Kind.SUBMIT, Kind.STOP, Kind.CANCEL, Kind.SETTING)

# From the reliability notes, not from the table under test.
AMBIGUOUS = (
    "10000",
    "10006",
    "10016",
    "10019",
    "10429",
    "170007",
    "20003",
    "20006",
    "500000",
    "110072",
    "110079",
)
KEYS = ("10003", "10004", "10005", "10007", "10010", "33004")
SURE = (
    "10001",
    "110003",
    "110007",
    "110009",
    "110017",
    "110020",
    "110061",
    "110074",
    "110092",
    "110093",
    "110094",
)
BENIGN = {
    "110043": Kind.SETTING,
    "110025": Kind.SETTING,
    "110026": Kind.SETTING,
    "34040": Kind.STOP,
    "110001": Kind.CANCEL,
    "110008": Kind.CANCEL,
}


def verdict(kind: Kind, status: int = 200, code: str = "", body: object = None) -> Verdict:
    """What the table says."""
    return errors.verdict(Reply(status, code, "", body, {}), ASKS[kind])


def test_the_kinds_of_calls_are_told_apart() -> None:
    assert {kind_of(ask): kind for kind, ask in ASKS.items()} == {kind: kind for kind in Kind}


@pytest.mark.parametrize("kind", Kind)
def test_a_good_answer_is_done(kind: Kind) -> None:
    assert verdict(kind, body={"retCode": 0}) is Verdict.DONE


@pytest.mark.parametrize("kind,code", list(product(CHANGING, AMBIGUOUS)))
def test_what_may_have_worked_is_unknown(kind: Kind, code: str) -> None:
    assert verdict(kind, code=code) is Verdict.UNKNOWN


@pytest.mark.parametrize("code", AMBIGUOUS)
def test_a_question_changes_nothing(code: str) -> None:
    assert verdict(Kind.READ, code=code) in (Verdict.NOT_DONE, Verdict.THROTTLED)


@pytest.mark.parametrize("code", ["10006", "10018", "20003"])
def test_a_throttled_question_is_asked_again_later(code: str) -> None:
    assert verdict(Kind.READ, code=code) is Verdict.THROTTLED
    assert verdict(Kind.READ, status=429) is Verdict.THROTTLED


@pytest.mark.parametrize("kind,code", list(product(Kind, KEYS)))
def test_keys(kind: Kind, code: str) -> None:
    assert verdict(kind, code=code) is Verdict.AUTH


@pytest.mark.parametrize("kind", Kind)
def test_the_clock_and_the_ban(kind: Kind) -> None:
    assert verdict(kind, code="10002") is Verdict.CLOCK
    assert verdict(kind, status=403) is Verdict.BANNED
    assert verdict(kind, status=403, code="garbage") is Verdict.BANNED
    assert verdict(kind, status=403, code="10006") is Verdict.BANNED
    assert verdict(kind, status=403, code="10010") is Verdict.AUTH


@pytest.mark.parametrize("kind,code", list(product(Kind, SURE)))
def test_definite_refusals(kind: Kind, code: str) -> None:
    assert verdict(kind, code=code) is Verdict.NOT_DONE


@pytest.mark.parametrize("kind,code", list(product(CHANGING, BENIGN)))
def test_so_already_only_for_what_it_was_asked_of(kind: Kind, code: str) -> None:
    found = verdict(kind, code=code)
    if BENIGN[code] is kind:
        assert found is Verdict.BENIGN
    else:
        assert found in (Verdict.UNKNOWN, Verdict.BENIGN if code == "34040" else Verdict.UNKNOWN)


@pytest.mark.parametrize("kind", CHANGING)
@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 599])
@pytest.mark.parametrize("code", ["", "garbage", "110007", "10001"])
def test_a_server_fault_is_unknown_whatever_it_says(kind: Kind, status: int, code: str) -> None:
    assert verdict(kind, status=status, code=code) is Verdict.UNKNOWN
    assert verdict(Kind.READ, status=status, code=code) is Verdict.NOT_DONE


@pytest.mark.parametrize("kind", CHANGING)
def test_what_is_not_listed_is_unknown(kind: Kind) -> None:
    for status, code in [
        (200, "999999"),
        (302, ""),
        (418, ""),
        (499, ""),
        (200, ""),
        (0, ""),
        (200, "garbage"),
    ]:
        assert verdict(kind, status=status, code=code) is Verdict.UNKNOWN
        assert verdict(Kind.READ, status=status, code=code) is Verdict.NOT_DONE
    assert verdict(kind, status=400, body={"retCode": 0}) is Verdict.UNKNOWN


@pytest.mark.parametrize("kind,word", list(product(CHANGING, OUR_WORDS)))
def test_our_own_words(kind: Kind, word: str) -> None:
    expected = {
        "refused": Verdict.NOT_DONE,
        "slow": Verdict.THROTTLED,
        "ban": Verdict.BANNED,
    }.get(word, Verdict.UNKNOWN)
    assert verdict(kind, status=0, code=word) is expected


def test_every_row_says_why() -> None:
    for meaning in (*CODES.values(), *STATUSES.values(), *OUR_WORDS.values()):
        assert meaning.why


@pytest.mark.parametrize("code", CODES)
def test_a_refusal_never_means_something_else_on_an_order(code: str) -> None:
    """What the table calls certain must be certain: DONE and BENIGN never for a new order."""
    assert verdict(Kind.SUBMIT, code=code) not in (Verdict.DONE, Verdict.BENIGN)


# The effect: every listed answer at every call site of the dialect

ANSWERS: list[tuple[str, object]] = [
    *((code, refused(int(code))) for code in CODES),
    *((f"HTTP {status}", (status, "garbage")) for status in (*STATUSES, 500, 502, 503, 504)),
    *((word, (0, word)) for word in OUR_WORDS),
    ("unlisted", refused(987654)),
    ("no envelope", {"hello": 1}),
    ("not even an object", [1, 2]),
]
IDS = [name for name, _ in ANSWERS]


def outcome_of(answer: object, method: str) -> Outcome:
    """What an answer to a changing call comes to, by the verdict."""
    return OUTCOMES[answer_of(answer, Ask(method, changes=True)).verdict]


@pytest.mark.parametrize("answer", [answer for _, answer in ANSWERS], ids=IDS)
class TestEffects:
    async def test_submit(self, answer: object) -> None:
        desk = stand()
        desk.gateway.on(errors.CREATE, answer)
        ended = await desk.dialect.submit(order("a"))
        assert ended.outcome is outcome_of(answer, errors.CREATE)
        assert ended.outcome is not Outcome.DONE
        assert len(desk.gateway.asks) == 1, "never sent twice"

    async def test_cancel(self, answer: object) -> None:
        desk = stand()
        desk.gateway.on(errors.CANCEL, answer)
        ended = await desk.dialect.cancel("a", BTC, conditional=False)
        assert ended.outcome is outcome_of(answer, errors.CANCEL)

    async def test_a_stop_keeps_the_one_before_unless_it_is_known_to_stand(self, answer: object) -> None:
        desk = stand()
        await desk.dialect.submit(stop("s1", "48000"))
        desk.gateway.on(errors.TRADING_STOP, answer, ok())
        ended = await desk.dialect.submit(stop("s2", "49000"))
        verdict = answer_of(answer, Ask(errors.TRADING_STOP, changes=True)).verdict
        asked_after = verdict is Verdict.BENIGN
        assert ended.outcome is (Outcome.UNKNOWN if asked_after else OUTCOMES[verdict])
        gone = (await desk.dialect.cancel("s1", BTC, conditional=True)).code == "gone"
        assert gone is asked_after

    async def test_taking_a_stop_away(self, answer: object) -> None:
        desk = stand()
        await desk.dialect.submit(stop("s1", "48000"))
        desk.gateway.on(errors.TRADING_STOP, answer)
        ended = await desk.dialect.cancel("s1", BTC, conditional=True)
        said_flat = answer == refused(130125)
        expected = Outcome.DONE if said_flat else outcome_of(answer, errors.TRADING_STOP)
        assert ended.outcome is expected

    async def test_leverage(self, answer: object) -> None:
        method = "privatePostV5PositionSetLeverage"
        desk = stand()
        desk.gateway.on(method, answer)
        ended = await desk.dialect.set_leverage(BTC, 7)
        of_others = answer in [refused(code) for code in (110025, 110026, 110027, 140025, 140026)]
        assert ended.outcome is (Outcome.UNKNOWN if of_others else outcome_of(answer, method))
        assert (ended.client_id, ended.symbol) == ("", BTC)

    @pytest.mark.parametrize("which", range(3))
    async def test_a_question_without_an_answer_proves_nothing(self, answer: object, which: int) -> None:
        methods = ("privateGetV5OrderRealtime", "privateGetV5OrderHistory", "privateGetV5ExecutionList")
        desk = stand()
        desk.gateway.on(methods[which], answer)
        told = await desk.dialect.query("a", BTC, conditional=False)
        assert isinstance(told, CallEnded)
        assert told.outcome is Outcome.UNKNOWN

    @pytest.mark.parametrize(
        "method",
        [
            "privateGetV5PositionList",
            "privateGetV5OrderRealtime",
            "privateGetV5AccountWalletBalance",
            "privateGetV5ExecutionList",
        ],
    )
    async def test_a_snapshot_is_whole_or_none(self, answer: object, method: str) -> None:
        desk = stand()
        desk.gateway.on("privateGetV5AccountWalletBalance", ok(list=[{"coin": []}])).on(method, answer)
        with pytest.raises(VenueUnavailable) as raised:
            await desk.dialect.snapshot(0)
        assert len(str(raised.value)) < 80

    async def test_applied_and_the_answer_lost(self, answer: object) -> None:
        """Whatever was said: when the order is there, the question finds it."""
        desk = stand()
        desk.gateway.on(errors.CREATE, answer)
        ended = await desk.dialect.submit(order("a"))
        row = {
            "category": "linear", "symbol": BTC, "orderId": "1", "orderLinkId": "a", "side": "Buy",
            "orderStatus": "New", "qty": "1",
        }  # fmt: skip
        desk.gateway.on("privateGetV5OrderRealtime", listed(row))
        if ended.outcome is Outcome.UNKNOWN:
            told = await desk.dialect.query("a", BTC, conditional=False)
            assert not isinstance(told, CallEnded)
