"""What Binance's answers mean: our own table over (HTTP status, code) and the kind of ask.

The rule where the table is silent: what may have changed something is UNKNOWN and asked after, what only read is
NOT_DONE. The HTTP status goes first where it says more than a code: 418 is a ban, 429 a matter of pace, and any 5xx
on a changing ask leaves its outcome unknown, whatever its body claims.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.venues.binance import asks
from bot.venues.ccxt_venue.wire import Ask, Reply
from bot.venues.outcome import Verdict

_V = Verdict


class Kind(StrEnum):
    """What an ask is about, as far as it matters for the meaning of an answer."""

    SUBMIT = "SUBMIT"
    CANCEL = "CANCEL"
    QUERY = "QUERY"
    SETTING = "SETTING"
    READ = "READ"

    @property
    def changes(self) -> bool:
        """True when a lost answer leaves open what happened."""
        return self in (Kind.SUBMIT, Kind.CANCEL, Kind.SETTING)


@dataclass(frozen=True, slots=True)
class Meaning:
    """One code: what it means for asks in general, and why; `special` where a kind of ask makes a difference."""

    verdict: Verdict
    why: str
    special: Mapping[Kind, Verdict] | None = None


def _refused(whys: Mapping[str, str]) -> dict[str, Meaning]:
    """Codes that say that the request was read and certainly not carried out."""
    return {code: Meaning(_V.NOT_DONE, why) for code, why in whys.items()}


_UNCERTAIN: dict[str, Meaning] = {
    "-1000": Meaning(_V.UNKNOWN, "an error the venue cannot name; it may have come after the match"),
    "-1001": Meaning(_V.UNKNOWN, "the venue lost its own inner line while at it"),
    "-1006": Meaning(_V.UNKNOWN, "documented: execution status unknown"),
    "-1007": Meaning(_V.UNKNOWN, "documented: send status unknown, execution status unknown"),
    "-1008": Meaning(_V.UNKNOWN, "overload, documented as not executed; believed only after a query"),
    "-1010": Meaning(_V.UNKNOWN, "an inner message failed; the document does not say when"),
    "-1016": Meaning(_V.UNKNOWN, "service shutting down; orders in flight may have gone through"),
    "-2012": Meaning(_V.UNKNOWN, "cancel of all failed, perhaps in part"),
    "-4078": Meaning(_V.UNKNOWN, "execution failed in the venue's own words; not said how far it came"),
    "-5041": Meaning(_V.UNKNOWN, "time-out of an amendment in the engine"),
}

_STANDING: dict[str, Meaning] = {
    "-1002": Meaning(_V.AUTH, "not authorised for this request"),
    "-1003": Meaning(_V.THROTTLED, "request weight used up; dropped unread"),
    "-1011": Meaning(_V.AUTH, "this IP may not use this route"),
    "-1015": Meaning(_V.THROTTLED, "too many new orders; dropped unread"),
    "-1021": Meaning(_V.CLOCK, "timestamp outside the window; dropped before anything else"),
    "-1022": Meaning(_V.AUTH, "signature not valid"),
    "-1099": Meaning(_V.AUTH, "not found, not authenticated or not authorised"),
    "-2014": Meaning(_V.AUTH, "API key of a wrong form"),
    "-2015": Meaning(_V.AUTH, "API key, IP or rights not accepted"),
    "-2017": Meaning(_V.AUTH, "API key locked"),
    "-5028": Meaning(_V.CLOCK, "timestamp outside the engine's window; not executed"),
}

_ALREADY: dict[str, Meaning] = {
    "-2011": Meaning(_V.NOT_DONE, "no such order to cancel: it is already gone", {Kind.CANCEL: _V.BENIGN}),
    "-2013": Meaning(
        _V.NOT_DONE,
        "no such order: one witness that it does not exist; to a cancel: already gone",
        {Kind.CANCEL: _V.BENIGN},
    ),
    "-4046": Meaning(_V.NOT_DONE, "margin type is so already", {Kind.SETTING: _V.BENIGN}),
    "-4059": Meaning(_V.NOT_DONE, "position mode is so already", {Kind.SETTING: _V.BENIGN}),
    "-4171": Meaning(_V.NOT_DONE, "multi-assets mode is so already", {Kind.SETTING: _V.BENIGN}),
    "-4116": Meaning(
        _V.NOT_DONE,
        "an open order has this client id: this very order was sent before, so it is asked after, never given up",
        {Kind.SUBMIT: _V.UNKNOWN},
    ),
    "-4115": Meaning(
        _V.NOT_DONE,
        "client transaction id used: named for transfers, but what it says of an order would be the same as -4116",
        {Kind.SUBMIT: _V.UNKNOWN},
    ),
}

_REQUEST = _refused(
    {
        "-1004": "already on the list (white list, duplicate IP)",
        "-1005": "no such IP on the white list",
        "-1013": "message not valid: a filter failed",
        "-1014": "combination of order parameters not supported",
        "-1020": "operation not supported",
        "-1023": "start after end",
        "-1100": "characters not allowed in a parameter",
        "-1101": "too many parameters",
        "-1102": "a mandatory parameter is missing or malformed",
        "-1103": "a parameter nobody knows",
        "-1104": "not all parameters were read",
        "-1105": "a parameter is empty",
        "-1106": "a parameter that does not belong here",
        "-1108": "asset not valid",
        "-1109": "account not valid or not active",
        "-1110": "instrument type not valid",
        "-1111": "more decimals than the contract has",
        "-1112": "no orders on the book of this symbol",
        "-1113": "amount must be negative",
        "-1114": "time in force does not belong here",
        "-1115": "time in force not valid",
        "-1116": "order type not valid",
        "-1117": "side not valid",
        "-1118": "new client id empty",
        "-1119": "original client id empty",
        "-1120": "interval not valid",
        "-1121": "symbol not valid",
        "-1122": "symbol in a status that does not allow it",
        "-1125": "listen key does not exist (any more)",
        "-1126": "asset not supported",
        "-1127": "span between start and end too long",
        "-1128": "optional parameters do not go together",
        "-1130": "data of a parameter not valid",
        "-1131": "receive window longer than allowed",
        "-1136": "response type not valid",
        "-5000": "no such path or method",
    }
)

_REJECTED = _refused(
    {
        "-2010": "new order rejected",
        "-2016": "no trading window for the symbol",
        "-2018": "balance not sufficient",
        "-2019": "margin not sufficient",
        "-2020": "unable to fill",
        "-2021": "would trigger at once",
        "-2022": "reduce-only refused: nothing (left) to reduce on this side",
        "-2023": "user in liquidation mode",
        "-2024": "position not sufficient",
        "-2025": "open order limit reached",
        "-2026": "type not supported for reduce-only",
        "-2027": "largest position at this leverage exceeded",
        "-2028": "leverage smaller than allowed: margin not sufficient",
        "-5021": "fill-or-kill could not be filled: rejected",
        "-5022": "post-only would have taken: rejected",
        "-5024": "symbol not in trading status",
        "-5025": "only limit orders of this kind can be amended",
        "-5026": "amended too often",
        "-5027": "amendment changes nothing",
        "-5029": "post-only cannot be placed now",
        "-5037": "price match not valid",
        "-5038": "price match only for limit kinds",
        "-5039": "self-trade prevention mode not valid",
        "-5040": "good-till-date not valid",
        "-5047": "order refused by the venue's own guard",
    }
)

_FILTERS = _refused(
    {
        "-4000": "order status not valid",
        "-4001": "price below zero",
        "-4002": "price above the largest",
        "-4003": "quantity not above zero",
        "-4004": "quantity below the smallest",
        "-4005": "quantity above the largest",
        "-4006": "trigger price not above zero",
        "-4007": "trigger price above the largest",
        "-4008": "tick size below zero",
        "-4009": "largest price below smallest",
        "-4010": "largest quantity below smallest",
        "-4011": "step size below zero",
        "-4012": "order number limit below zero",
        "-4013": "price below the smallest",
        "-4014": "price not on the tick",
        "-4015": "client id too long or with wrong characters",
        "-4016": "price above the allowed band",
        "-4017": "multiplier up below zero",
        "-4018": "multiplier down below zero",
        "-4019": "composite scale out of range",
        "-4020": "target strategy not valid",
        "-4021": "depth limit not valid",
        "-4022": "market not open",
        "-4023": "quantity not on the step",
        "-4024": "price below the allowed band",
        "-4025": "multiplier decimals below zero",
        "-4026": "commission out of range",
        "-4027": "account type not valid",
        "-4028": "leverage not valid",
        "-4029": "tick size precision not valid",
        "-4030": "step size precision not valid",
        "-4031": "working type not valid",
        "-4032": "more orders to cancel than allowed",
        "-4033": "insurance account not valid",
        "-4044": "balance type not valid",
        "-4045": "limit of stop orders reached",
        "-4131": "market order's best price outside the allowed band",
        "-4135": "trigger with this combination not valid",
        "-4136": "type does not go with close-position or this strategy",
        "-4137": "quantity does not go with close-position",
        "-4138": "close-position needs close-position",
        "-4139": "type does not go with close-position",
        "-4142": "price of the order or trigger on the wrong side: would trigger at once",
        "-4161": "leverage cannot go down with a position in isolated margin",
        "-4164": "notional below the smallest",
        "-4165": "time span not valid",
        "-4183": "price above the stop's allowed band",
        "-4184": "price below the stop's allowed band",
    }
)

_ACCOUNT = _refused(
    {
        "-4047": "margin type cannot change with open orders",
        "-4048": "margin type cannot change with a position",
        "-4049": "margin can be added to isolated positions only",
        "-4050": "cross balance not sufficient",
        "-4051": "isolated balance not sufficient",
        "-4052": "no such auto-add margin change needed",
        "-4053": "auto-add only for isolated positions",
        "-4054": "margin cannot be added: position is zero",
        "-4055": "amount must be above zero",
        "-4056": "API key type not valid for this",
        "-4057": "RSA key not valid for this",
        "-4058": "largest price precision not valid",
        "-4060": "position side not valid",
        "-4061": "position side does not go with the account's mode",
        "-4062": "reduce-only does not belong here",
        "-4067": "position mode cannot change with open orders",
        "-4068": "position mode cannot change with positions",
        "-4082": "wrong number of batch orders",
        "-4083": "batch orders cannot be placed",
        "-4084": "method not supported",
        "-4085": "options method limit",
        "-4086": "price scale not valid",
        "-4087": "reduce-only account: only reducing orders",
        "-4088": "this account may not place orders",
        "-4104": "contract type not valid",
        "-4108": "contract is being settled or closed",
        "-4109": "account inactive",
        "-4110": "user is in a freezing period",
        "-4112": "reduce-only order would grow the position or activation is on the wrong side",
        "-4114": "client transaction id too long",
        "-4117": "the stop is being triggered right now; too late for this",
        "-4118": "reduce-only quantity above position net of resting reduce-only orders",
        "-4120": "conditional types go to the algo endpoint",
        "-4130": "a close-position stop on this side exists",
        "-4140": "symbol status not valid for this",
        "-4141": "symbol is closed",
        "-4144": "pair not valid",
        "-4167": "multi-assets mode not possible with isolated symbols",
        "-4168": "isolated margin not possible in multi-assets mode",
        "-4169": "multi-assets: margin not sufficient to change",
        "-4170": "multi-assets mode cannot change with open orders",
        "-4172": "multi-assets mode cannot change in this state",
        "-4192": "cooling-off period: only reducing allowed",
        "-4202": "leverage above 20 not for this account yet",
        "-4203": "leverage above 20 needs an older account",
        "-4205": "leverage above 20 not in this region",
        "-4206": "leverage limited in this region",
        "-4208": "leverage above 20 not for this account",
        "-4209": "leverage too high for the current notional",
        "-4210": "trigger price above the allowed",
        "-4211": "trigger price below the allowed",
        "-4400": "account under quantitative rules: reduce-only",
        "-4401": "compliance: reduce-only",
        "-4402": "feature not in this region",
        "-4403": "leverage limited in this region",
        "-4509": "time in force needs an open position",
        "-4531": "symbol does not take this now",
    }
)

_OPTIONS = _refused(
    dict.fromkeys(
        [f"-{code}" for code in (*range(4063, 4067), *range(4069, 4078), *range(4079, 4082))],
        "of options and quotes, never of what we ask; the request was refused",
    )
)

TABLE: Mapping[str, Meaning] = {
    **_UNCERTAIN,
    **_STANDING,
    **_ALREADY,
    **_REQUEST,
    **_REJECTED,
    **_FILTERS,
    **_ACCOUNT,
    **_OPTIONS,
}

STATUSES: Mapping[int, tuple[Verdict, str]] = {
    401: (_V.AUTH, "key refused without a code"),
    # ccxt takes it for a network error, but the venue never saw the request: not done, again later, as with pace
    403: (_V.THROTTLED, "refused by the firewall in front of the venue, which counts requests"),
    418: (_V.BANNED, "the IP is banned after going on past 429"),
    429: (_V.THROTTLED, "request rate exceeded; dropped unread"),
    451: (_V.AUTH, "not served at this place: the venue never saw it, and asking again does not help"),
}


def kind_of(ask: Ask) -> Kind:
    """What an ask is about."""
    if ask.method in asks.SUBMITS:
        return Kind.SUBMIT
    if ask.method in asks.CANCELS:
        return Kind.CANCEL
    if ask.method in asks.QUERIES:
        return Kind.QUERY
    return Kind.SETTING if ask.changes else Kind.READ


def verdict(reply: Reply, kind: Kind) -> Verdict:
    """What this answer means for an ask of this kind."""
    if reply.status in (418, 429):
        return STATUSES[reply.status][0]
    open_end = _V.UNKNOWN if kind.changes else _V.NOT_DONE
    if reply.status >= 500:
        return open_end
    if reply.code:
        meaning = TABLE.get(reply.code)
        return _of_kind(meaning, kind) if meaning else open_end
    if 200 <= reply.status < 300:
        return _V.DONE if reply.body is not None else open_end
    return STATUSES[reply.status][0] if reply.status in STATUSES else open_end


def _of_kind(meaning: Meaning, kind: Kind) -> Verdict:
    found = (meaning.special or {}).get(kind, meaning.verdict)
    return _V.NOT_DONE if found is _V.UNKNOWN and not kind.changes else found


def code_of(body: object) -> tuple[str, str]:
    """Code and message of a body; an empty code for good ones (some good answers say `code: 200`)."""
    if not isinstance(body, dict):
        return "", ""
    code, words = body.get("code"), body.get("msg")
    if isinstance(code, bool) or not isinstance(code, (int, str)) or str(code) in ("", "0", "200"):
        return "", ""
    return str(code), words if isinstance(words, str) else ""
