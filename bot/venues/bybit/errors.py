"""What an answer of Bybit's means: our own table over (HTTP status, retCode) by kind of call.

Bybit answers most refusals with HTTP 200 and a retCode. What the table does not list is UNKNOWN on a call that may have
changed something and NOT_DONE on a question. The library's exception classes play no part in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from re import IGNORECASE
from re import compile as pattern

from bot.venues.ccxt_venue.wire import Ask, Reply
from bot.venues.matching import Code
from bot.venues.outcome import Verdict

CREATE = "privatePostV5OrderCreate"
CANCEL = "privatePostV5OrderCancel"
TRADING_STOP = "privatePostV5PositionTradingStop"


class Kind(StrEnum):
    """What was asked for."""

    SUBMIT = "submit"
    STOP = "stop"
    CANCEL = "cancel"
    SETTING = "setting"
    READ = "read"


_KINDS = {CREATE: Kind.SUBMIT, CANCEL: Kind.CANCEL, TRADING_STOP: Kind.STOP}


def kind_of(ask: Ask) -> Kind:
    """The kind of a call."""
    return _KINDS.get(ask.method) or (Kind.SETTING if ask.changes else Kind.READ)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code means on calls that change something and on questions; `at` overrides for one kind of call."""

    changing: Verdict
    reading: Verdict
    why: str
    at: Mapping[Kind, Verdict] = field(default_factory=dict)

    def on(self, ask: Ask) -> Verdict:
        """What it means as the answer to this call."""
        plain = self.changing if ask.changes else self.reading
        return self.at.get(kind_of(ask), plain)


_V = Verdict

SAME_LEVERAGE = frozenset({"110043", "140043", "34040"})
"""What may be said to a leverage that is so already; the others of this kind speak of other settings."""


def _sure(why: str) -> Meaning:
    return Meaning(_V.NOT_DONE, _V.NOT_DONE, why)


def _unsure(why: str) -> Meaning:
    return Meaning(_V.UNKNOWN, _V.NOT_DONE, why)


def _paced(why: str) -> Meaning:
    # A limit may be counted behind the gate that took the order: known cases of orders that worked all the same.
    return Meaning(_V.UNKNOWN, _V.THROTTLED, why)


def _key(why: str) -> Meaning:
    return Meaning(_V.AUTH, _V.AUTH, why)


def _so_already(why: str, *kinds: Kind) -> Meaning:
    return Meaning(_V.UNKNOWN, _V.NOT_DONE, why, dict.fromkeys(kinds, _V.BENIGN))


GOOD = Meaning(_V.DONE, _V.DONE, "received")
SERVER_FAULT = _unsure("5xx: the order may have passed before the fault")

OUR_WORDS: dict[str, Meaning] = {
    "refused": _sure("never sent: no connection"),
    "slow": Meaning(_V.THROTTLED, _V.THROTTLED, "never sent: no room in the budget in time"),
    "ban": Meaning(_V.BANNED, _V.BANNED, "never sent: we are banned"),
    "timeout": _unsure("sent, no answer in time"),
    "cut": _unsure("sent, the line was lost"),
    "garbage": _unsure("sent, and answered with something that is no envelope"),
}

STATUSES: dict[int, Meaning] = {
    400: _sure("refused before it was read"),
    401: _key("the key was not accepted"),
    403: Meaning(_V.BANNED, _V.BANNED, "access too frequent: the address is shut out for ten minutes"),
    404: _sure("no such path"),
    405: _sure("no such method"),
    408: _unsure("the server gave up waiting"),
    413: _sure("too large to be read"),
    414: _sure("too long to be read"),
    425: _unsure("a proxy's doubt"),
    429: _paced("too many requests"),
    451: _key("not served in this region"),
}

_AMBIGUOUS = {
    "10000": "server timeout",
    "10014": "request is duplicate: the first one may have worked",
    "10016": "internal error",
    "10019": "the service restarts",
    "10429": "system-level protection",
    "20006": "request id seen before: the first one may have worked",
    "5004": "server timeout",
    "170007": "timeout waiting for the matching engine",
    "170146": "order creation timeout",
    "170147": "order cancellation timeout",
    "170234": "system error",
    "500000": "unknown server error",
    "110030": "order id seen before",
    "110072": "client id seen before: our order was taken, ask what became of it",
    "12141": "client id seen before",
    "110079": "the order is being processed",
}

_PACED = {
    "10006": "too many requests of this account",
    "10018": "too many requests of this address",
    "10403": "too many requests of this address",
    "20003": "too many requests in this session",
    "170222": "too many requests in this time frame",
}

_KEYS = {
    "10003": "the key is invalid",
    "10004": "the signature is wrong",
    "10005": "the key lacks the permission",
    "10007": "no key in the request",
    "10008": "the account is banned",
    "10010": "the key is bound to other addresses",
    "10020": "the account is not a unified one",
    "10024": "compliance rules",
    "10027": "trading is banned for this account",
    "10028": "for unified accounts only",
    "33004": "the key has expired",
}

_SURE = {
    "7001": "parameter of the wrong type",
    "10001": "parameter error; its text says which",
    "10017": "no such path",
    "10029": "the key's list of symbols lacks this one",
    "110003": "price out of the permitted range",
    "110004": "wallet balance too small",
    "110005": "position status",
    "110006": "position margin cannot be afforded",
    "110007": "available balance too small",
    "110009": "too many stop orders",
    "110011": "would be liquidated at once",
    "110012": "available balance too small",
    "110013": "leverage above the risk limit",
    "110014": "balance too small to add margin",
    "110015": "the position is in cross margin",
    "110016": "beyond the risk limit",
    "110017": "reduce-only rule, or the quantity is truncated to zero: the position may be flat already",
    "110018": "user id illegal",
    "110019": "order id illegal",
    "110020": "too many active orders",
    "110021": "open interest exceeded",
    "110022": "quantity is limited",
    "110023": "only reductions are taken",
    "110024": "a position stands in the way of another mode",
    "110028": "open orders stand in the way of another mode",
    "110029": "no hedge mode for this symbol",
    "110031": "no such risk limit",
    "110032": "order is illegal",
    "110033": "no margin without a position",
    "110034": "no net position",
    "110035": "orders are still cancelled for a liquidation",
    "110036": "leverage cannot be changed in cross margin",
    "110037": "no setting for this symbol",
    "110038": "leverage cannot be changed in portfolio margin",
    "110039": "maintenance rate too high",
    "110040": "would be liquidated",
    "110042": "only reductions before the delivery",
    "110044": "available margin too small",
    "110045": "wallet balance too small",
    "110046": "liquidation under way",
    "110047": "margin too small for this risk limit",
    "110048": "position value above the risk limit",
    "110049": "tick must be a number",
    "110050": "coin not in range",
    "110051": "balance too small for the price",
    "110052": "balance too small for the price",
    "110053": "balance too small for the price",
    "110054": "take-profit orders stand in the way of another mode",
    "110055": "stop-loss orders stand in the way of another mode",
    "110056": "trailing stops stand in the way of another mode",
    "110057": "stop fields on such an order",
    "110058": "position too small for the stop",
    "110059": "partly filled: stop fields cannot be changed",
    "110060": "not in full mode",
    "110061": "more than 20 partial stops",
    "110063": "settlement in progress",
    "110064": "below what is filled already",
    "110066": "no trading now",
    "110067": "feature not open to this account",
    "110068": "feature not open to this account",
    "110069": "feature not open to this account",
    "110070": "symbol not traded",
    "110071": "account upgrade in progress",
    "110073": "margin mode could not be set",
    "110074": "contract is not live",
    "110090": "position beyond the limit of its leverage",
    "110092": "a rising trigger below the price",
    "110093": "a falling trigger above the price",
    "110094": "notional below the minimum",
    "100028": "not open to unified accounts",
    "110118": "no price for a market order: too little in the book",
    "130006": "quantity above the maximum",
    "130125": "position is zero, nothing to reduce",
    "170124": "quantity above the maximum",
    "170131": "balance too small",
    "181001": "category missing",
    "30208": "order price above the highest buying price",
    "30209": "order price below the lowest selling price",
    "30228": "no new positions during delisting",
    "3400045": "margin mode could not be set",
}

CODES: dict[str, Meaning] = (
    {code: _unsure(why) for code, why in _AMBIGUOUS.items()}
    | {code: _paced(why) for code, why in _PACED.items()}
    | {code: _key(why) for code, why in _KEYS.items()}
    | {code: _sure(why) for code, why in _SURE.items()}
    | {
        "10002": Meaning(_V.CLOCK, _V.CLOCK, "timestamp outside the window: refused before it was read"),
        "10009": Meaning(_V.BANNED, _V.BANNED, "this address is banned"),
        "110001": _so_already("no such order, or too late to cancel: gone", Kind.CANCEL),
        "110008": _so_already("finished or cancelled: gone", Kind.CANCEL),
        "110010": _so_already("cancelled already", Kind.CANCEL),
        "170213": _so_already("no such order: gone", Kind.CANCEL),
        "110025": _so_already("position mode is so already", Kind.SETTING),
        "110026": _so_already("margin mode is so already", Kind.SETTING),
        "110027": _so_already("margin is so already", Kind.SETTING),
        "110043": _so_already("leverage is so already", Kind.SETTING),
        "34040": _so_already("stop and target are so already", Kind.STOP, Kind.SETTING),
        "140025": _so_already("position mode is so already", Kind.SETTING),
        "140026": _so_already("margin mode is so already", Kind.SETTING),
        "140043": _so_already("leverage is so already", Kind.SETTING),
    }
)


def verdict(reply: Reply, ask: Ask) -> Verdict:
    """What this answer to this call means."""
    meaning = _meaning(reply)
    if meaning is None:
        return Verdict.UNKNOWN if ask.changes else Verdict.NOT_DONE
    return meaning.on(ask)


def _meaning(reply: Reply) -> Meaning | None:
    status, code = reply.status, reply.code
    if status >= 500:
        return SERVER_FAULT  # whatever its body says: a proxy's text is no proof that the order went nowhere
    if code in OUR_WORDS:
        return STATUSES.get(status, OUR_WORDS[code])
    coded = CODES.get(code)
    if status in (403, 429):
        return coded if code in _KEYS else STATUSES[status]
    if coded is not None:
        return coded
    if not code and isinstance(reply.body, Mapping):
        return GOOD if 200 <= status < 300 else None
    return STATUSES.get(status)


def reply_code(body: object) -> tuple[str, str]:
    """The code and the message of a parsed body; empty code for a good answer, `garbage` for what is no envelope."""
    code = body.get("retCode", body.get("ret_code")) if isinstance(body, dict) else None
    if isinstance(code, bool) or not isinstance(code, int | str) or str(code) == "":
        return "garbage", ""
    words = body.get("retMsg", "") if isinstance(body, dict) else ""
    said = words[:300] if isinstance(words, str) else ""
    return ("" if str(code) == "0" else str(code)[:20]), said


# The engine branches on a few refusals, by the numbers of the fill model; Bybit's own stay in the log.
_SAME_AS: dict[str, Code] = {
    "110092": Code.WOULD_TRIGGER,
    "110093": Code.WOULD_TRIGGER,
    "110017": Code.REDUCE_ONLY,
    "110034": Code.REDUCE_ONLY,
    "130125": Code.REDUCE_ONLY,
    "130006": Code.ABOVE_MAXIMUM,
    "170124": Code.ABOVE_MAXIMUM,
    "110094": Code.MIN_NOTIONAL,
    "110003": Code.NO_PRICE,
    "110118": Code.NO_PRICE,
    "30208": Code.NO_PRICE,
    "30209": Code.NO_PRICE,
    "110004": Code.MARGIN,
    "110006": Code.MARGIN,
    "110007": Code.MARGIN,
    "110012": Code.MARGIN,
    "110044": Code.MARGIN,
    "110045": Code.MARGIN,
    "110051": Code.MARGIN,
    "110052": Code.MARGIN,
    "110053": Code.MARGIN,
    "170131": Code.MARGIN,
    "110009": Code.TOO_MANY_STOPS,
    "110061": Code.TOO_MANY_STOPS,
    "110016": Code.BRACKET,
    "110090": Code.BRACKET,
    "110023": Code.NOT_TRADING,
    "110066": Code.NOT_TRADING,
    "110074": Code.NOT_TRADING,
    "30228": Code.NOT_TRADING,
    "EC_PostOnlyWillTakeLiquidity": Code.NOT_MAKER,
    "EC_ReachMarketPriceLimit": Code.NO_PRICE,
    "EC_InvalidSymbolStatus": Code.NOT_TRADING,
}

_ZERO_POSITION = pattern("zero position|position is zero", IGNORECASE)
# 10001 is Bybit's word for everything a check of parameters finds; only its text says which check it was.
_SAID: tuple[tuple[Code, str], ...] = (
    (Code.REDUCE_ONLY, "zero position|position is zero|truncated to zero"),
    (Code.WOULD_TRIGGER, "set for (buy|sell) position should|expect (rising|falling|failling)"),
    (Code.ABOVE_MAXIMUM, "exceeds? maximum limit|number of contracts exceeds.*too large"),
    (Code.BELOW_MINIMUM, "exceeds? minimum limit|below the lower limit"),
    (Code.NO_PRICE, "price (is )?(higher|lower) than the (maximum|minimum)"),
)
_PATTERNS = tuple((code, pattern(text, IGNORECASE)) for code, text in _SAID)


def engine_code(code: str, words: str) -> str:
    """The number by which the engine knows a refusal; Bybit's own where it knows none."""
    known = _SAME_AS.get(code)
    if known is None and code == "10001":
        known = next((found for found, text in _PATTERNS if text.search(words)), None)
    return code if known is None else known.value


def says_flat(code: str, words: str) -> bool:
    """True when a stop could not be changed because there is no position for it."""
    return code == "130125" or (code == "10001" and _ZERO_POSITION.search(words) is not None)
