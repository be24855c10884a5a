"""Every listed answer at every call site, before and after the execution, against the exchange's own books.

A real ccxt, gateway and dialect on the sandbox. What an answer has to mean is written down here by name; the names of
refusals were copied from the tables once and read through, so they keep a table from changing unseen but are no
second source for what a code means at the venue. An answer that by its definition means `no effect` is a lie of the
fault when it comes after an execution (and `it was so already` when it was not): then only that nothing is sent twice,
and that questions and snapshots find the truth all the same, is checked.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import chain

import pytest
from matrix_desk import SITES, Desk, Play
from virtual_loop import run_virtually

from bot.domain.event import CallEnded, Outcome
from bot.venues.binance.errors import TABLE
from bot.venues.bybit.errors import CODES, OUR_WORDS, STATUSES
from bot.venues.port import VenueUnavailable
from sandbox.exchange.serving.faults import RequestEffect, Rule, on_request

START_MS = 1_795_000_000_000
E = RequestEffect

# By its definition: read, and not carried out
_BINANCE_REFUSED = """
    -1002 -1003 -1011 -1015 -1022 -1099 -2014 -2015 -2017 -1004 -1005 -1013 -1014 -1020 -1023 -1100
    -1101 -1102 -1103 -1104 -1105 -1106 -1108 -1109 -1110 -1111 -1112 -1113 -1114 -1115 -1116 -1117
    -1118 -1119 -1120 -1121 -1122 -1125 -1126 -1127 -1128 -1130 -1131 -1136 -5000 -2010 -2016 -2018
    -2019 -2020 -2021 -2022 -2023 -2024 -2025 -2026 -2027 -2028 -5021 -5022 -5024 -5025 -5026 -5027
    -5029 -5037 -5038 -5039 -5040 -5047 -4000 -4001 -4002 -4003 -4004 -4005 -4006 -4007 -4008 -4009
    -4010 -4011 -4012 -4013 -4014 -4015 -4016 -4017 -4018 -4019 -4020 -4021 -4022 -4023 -4024 -4025
    -4026 -4027 -4028 -4029 -4030 -4031 -4032 -4033 -4044 -4045 -4131 -4135 -4136 -4137 -4138 -4139
    -4142 -4161 -4164 -4165 -4183 -4184 -4047 -4048 -4049 -4050 -4051 -4052 -4053 -4054 -4055 -4056
    -4057 -4058 -4060 -4061 -4062 -4067 -4068 -4082 -4083 -4084 -4085 -4086 -4087 -4088 -4104 -4108
    -4109 -4110 -4112 -4114 -4117 -4118 -4120 -4130 -4140 -4141 -4144 -4167 -4168 -4169 -4170
    -4172 -4192 -4202 -4203 -4205 -4206 -4208 -4209 -4210 -4211 -4400 -4401 -4402 -4403 -4509 -4531
    -4063 -4064 -4065 -4066 -4069 -4070 -4071 -4072 -4073 -4074 -4075 -4076 -4077 -4079 -4080 -4081
"""
_BYBIT_REFUSED = """
    10003 10004 10005 10007 10008 10010 10020 10024 10027 10028 33004 7001 10001 10017 10029 110003
    110004 110005 110006 110007 110009 110011 110012 110013 110014 110015 110016 110017 110018 110019
    110020 110021 110022 110023 110024 110028 110029 110031 110032 110033 110034 110035 110036 110037
    110038 110039 110040 110042 110044 110045 110046 110047 110048 110049 110050 110051 110052 110053
    110054 110055 110056 110057 110058 110059 110060 110061 110063 110064 110066 110067 110068 110069
    110070 110071 110073 110074 110090 110092 110093 110094 100028 110118 130006 130125 170124 170131
    181001 30208 30209 30228 3400045 10009
"""
# By its definition: nobody knows, or it came too fast for one gate and passed another, or the first one may have worked
_BINANCE_MAYBE = "-1000 -1001 -1006 -1007 -1008 -1010 -1016 -2012 -4078 -5041"
_BYBIT_MAYBE = """
    10000 10014 10016 10019 10429 20006 5004 170007 170146 170147 170234 500000 110030 110072 12141
    110079 10006 10018 10403 20003 170222
"""
NO_EFFECT = {"binance": set(_BINANCE_REFUSED.split()), "bybit": set(_BYBIT_REFUSED.split())}
MAYBE = {"binance": set(_BINANCE_MAYBE.split()), "bybit": set(_BYBIT_MAYBE.split())}
CLOCK = {"binance": {"-1021", "-5028"}, "bybit": {"10002"}}
GONE = {"binance": {"-2011", "-2013"}, "bybit": {"110001", "110008", "110010", "170213"}}
SENT_BEFORE = {"binance": {"-4115", "-4116"}, "bybit": set[str]()}
SAME_LEVERAGE = {"binance": set[str](), "bybit": {"110043", "140043", "34040"}}
SAME_OTHER = {
    "binance": {"-4046", "-4059", "-4171"},
    "bybit": {"110025", "110026", "110027", "140025", "140026"},
}
UNREAD = {"binance": {401, 403, 418, 429, 451}, "bybit": {400, 401, 403, 404, 405, 413, 414, 451}}
"""Statuses without a code which say that the request never came to the engine."""
ODD = (302, 400, 401, 403, 404, 405, 408, 413, 414, 418, 425, 429, 451, 500, 502, 503, 504, 520, 599)
SUBMITS = ("market", "limit", "stop", "target", "close")
HTML = "<html><body>Bad Gateway</body></html>"


@dataclass(frozen=True, slots=True)
class Said:
    """One answer: a status with a body, or another way in which an answer fails to come."""

    name: str
    status: int = 0
    code: str = ""
    body: str = ""
    before: RequestEffect = E.ANSWER_BEFORE
    after: RequestEffect | None = E.ANSWER_AFTER

    def rule(self, glob: str, *, applied: bool) -> Rule | None:
        """The fault that makes it; None: there is no such thing after an execution."""
        effect = self.after if applied else self.before
        match effect:
            case None:
                return None
            case E.ANSWER_BEFORE | E.ANSWER_AFTER:
                return on_request(effect, glob, status=self.status, body=self.body)
            case E.DELAY_AFTER:
                return on_request(effect, glob, ms=60_000)
            case _:
                return on_request(effect, glob)


def coded(venue: str, code: str, status: int) -> Said:
    """The venue's own envelope."""
    if venue == "binance":
        body = json.dumps({"code": int(code), "msg": "words"})
    else:
        body = json.dumps({"retCode": int(code), "retMsg": "words", "result": {}, "retExtInfo": {}})
    return Said(f"{status} {code}", status, code, body)


def answers(venue: str) -> list[Said]:
    """All of them."""
    usual = {"binance": 400, "bybit": 200}[venue]
    codes = chain(TABLE, ("-9999",)) if venue == "binance" else chain(CODES, ("987654",))
    found = [coded(venue, code, usual) for code in codes]
    wrapped = {
        "binance": [(s, c) for s in (500, 503, 504) for c in ("-1000", "-1007", "-1008", "-2011", "-2019")]
        + [(408, "-1007"), (403, "-1003"), (418, "-1003"), (429, "-1003"), (429, "-1015"), (401, "-2015")],
        "bybit": [(s, c) for s in (500, 502, 503) for c in ("10000", "10001", "110007", "110001", "110072")]
        + [(403, "10006"), (403, "10010"), (429, "10006"), (408, "10000"), (401, "10003"), (400, "10001")],
    }[venue]
    found += [coded(venue, code, status) for status, code in wrapped]
    found += [Said(f"HTTP {status}", status) for status in ODD]
    found += [Said(f"HTTP {status} page", status, body=HTML) for status in (403, 408, 429, 500, 502, 504)]
    found += [
        Said(f"200 {body[:6]!r}", 200, body=body)
        for body in (HTML, "", "{", "[]", '"text"', "{}", "null", '{"result": {}}')
    ]
    found.append(Said("cut", before=E.CUT_BEFORE, after=E.CUT_AFTER))
    found.append(Said("timeout", before=E.HANG, after=E.DELAY_AFTER))
    found.append(Said("refused", before=E.REFUSE, after=None))
    return found


LIE = None


def expected(venue: str, site: str, said: Said, *, applied: bool) -> Outcome | None:
    """What the answer has to come to; LIE when its definition contradicts what happened."""
    code, status = said.code, said.status
    if said.name == "refused":
        return Outcome.NOT_DONE
    if status >= 500 or status == 0:
        return Outcome.UNKNOWN
    if code and not (venue == "bybit" and status in (403, 429)):
        return by_code(venue, site, code, applied=applied)
    if venue == "bybit" and code == "10010":
        return LIE if applied else Outcome.NOT_DONE
    unread = status in UNREAD[venue]
    return (LIE if applied else Outcome.NOT_DONE) if unread else Outcome.UNKNOWN


def by_code(venue: str, site: str, code: str, *, applied: bool) -> Outcome | None:
    """The same for a code of the venue's."""
    if so_already(venue, site, code):
        if not applied and (venue, site) == ("binance", "cancel conditional"):
            return Outcome.NOT_DONE  # it is asked after, and found
        return Outcome.DONE if applied else LIE
    refusal = code in NO_EFFECT[venue] | CLOCK[venue]
    if venue == "binance":
        refusal |= code in GONE[venue] | SENT_BEFORE[venue] and not (
            code in SENT_BEFORE[venue] and site in SUBMITS
        )
        refusal |= code in SAME_OTHER[venue] and site != "set_leverage"
    if not refusal:
        return Outcome.UNKNOWN
    return LIE if applied else Outcome.NOT_DONE


def so_already(venue: str, site: str, code: str) -> bool:
    """Whether the code says of this very call that nothing is left to do."""
    match site:
        case "cancel ordinary":
            return code in GONE[venue]
        case "cancel conditional":
            return code in (GONE[venue] if venue == "binance" else {"34040", "130125"})
        case "set_leverage":
            return code in SAME_LEVERAGE[venue]
        case _:
            return False


class Round:
    """All answers at one call site of one venue, on one exchange."""

    def __init__(self, venue: str, site: str) -> None:
        self.venue, self.site = venue, site
        self.glob = SITES[venue][site]
        self.desk = Desk(venue)
        self.wrong: list[str] = []
        self.counts = Counter[str]()

    async def run(self) -> None:
        """Every answer, before and after."""
        await self.desk.open()
        try:
            for said in answers(self.venue):
                for applied in (False, True):
                    await self._case(said, applied=applied)
        finally:
            await self.desk.gateway.close()
            await asyncio.sleep(0)

    async def _case(self, said: Said, *, applied: bool) -> None:
        rule = said.rule(self.glob, applied=applied)
        if rule is None or (applied and said.code in CLOCK[self.venue]):
            return  # asked again when the clock is right: what was never executed, by its definition
        play, since_ms = await self.desk.play(self.site), self.desk.stage.exchange.now_ms
        self.desk.stage.arm([rule])
        ended = await play.call()
        sent = sum(armed.applied for armed in self.desk.stage.book.armed)
        self.desk.stage.disarm()
        where = f"{said.name} {'after' if applied else 'before'}"
        troubles = [f"{where}: sent {sent} times"] if sent != self._times(said) else []
        if play.applied() is not applied:
            troubles.append(f"{where}: the fault itself is wrong: applied {play.applied()}")
        want = expected(self.venue, self.site, said, applied=applied)
        self.counts["lie" if want is LIE else want.value] += 1
        if want is not LIE and ended.outcome is not want:
            troubles.append(f"{where}: {ended.outcome} {ended.code}, expected {want}")
        troubles += [f"{where}: {what}" for what in await self._belief(play, ended, want, since_ms)]
        self.wrong += troubles
        self.desk.clean(self.site)

    def _times(self, said: Said) -> int:
        """Once; anew when the clock was off, and what may be repeated without harm by the transport, on a dead line."""
        again = said.status < 500 and said.code in CLOCK[self.venue]
        dead = said.name in ("cut", "refused") and self.glob.startswith("DELETE")
        return 2 if again or dead else 1

    async def _belief(self, play: Play, ended: CallEnded, want: Outcome | None, since_ms: int) -> list[str]:
        """What a bot that asks believes in the end, against the truth."""
        await self._pause_over()
        if self.desk.count(play.client_id) > 1:
            return ["sent twice"]
        if self.site == "set_leverage":
            return await self._leverage(play, ended, want)
        nameless = want is LIE and play.conditional and self.venue == "bybit"  # a refused claim is given up
        found = "" if nameless else await self.desk.asked_after(play, ended.code)
        return [one for one in (found, await self.desk.agrees(play, since_ms, named=not nameless)) if one]

    async def _leverage(self, play: Play, ended: CallEnded, want: Outcome | None) -> list[str]:
        if want is LIE or (ended.outcome is Outcome.DONE) is play.applied():
            return []
        if ended.outcome is Outcome.UNKNOWN:  # the gate reads it, and sets it where it is not so
            await self.desk.gate(play.leverage)
            return [] if play.applied() else ["not so after the gate"]
        return [f"leverage {ended.outcome}, applied {play.applied()}"]

    async def _pause_over(self) -> None:
        """A throttled account waits; a banned one may not even ask before the ban ends."""
        if self.desk.gateway.ban_left_ms:
            banned = self.desk.gateway.ban_left_ms
            self.desk.live(banned)
        await asyncio.sleep(6)


@pytest.mark.parametrize("site", SITES["binance"])
@pytest.mark.parametrize("venue", SITES)
def test_what_is_believed_is_true(venue: str, site: str) -> None:
    async def work() -> Round:
        made = Round(venue, site)
        await made.run()
        return made

    made = run_virtually(work, START_MS)
    assert not made.wrong, f"{len(made.wrong)} of {made.counts.total()}:\n" + "\n".join(made.wrong)
    assert made.counts.total() > 300
    assert made.counts["lie"] < made.counts.total() / 2


THROTTLED = {"binance": (429, "-1003"), "bybit": (429, "10006")}
OFF = {"binance": (400, "-1021"), "bybit": (200, "10002")}


BAN = {"binance": (418, "-1003"), "bybit": (403, "10009")}


@asynccontextmanager
async def opened(venue: str) -> AsyncIterator[Desk]:
    """A desk, and its end."""
    desk = Desk(venue)
    await desk.open()
    try:
        yield desk
    finally:
        await desk.gateway.close()


async def ask_once(desk: Desk, answer: tuple[int, str]) -> None:
    """A question that is answered so."""
    rule = coded(desk.venue, answer[1], answer[0]).rule("GET *", applied=False)
    assert rule is not None
    desk.stage.arm([replace(rule, times=1)])
    with pytest.raises(VenueUnavailable):
        await desk.dialect.snapshot(1)
    desk.stage.disarm()


@pytest.mark.parametrize("site", ["stop", "target", "close", "cancel ordinary", "cancel conditional"])
@pytest.mark.parametrize("venue", SITES)
def test_the_clock_is_put_right_at_once_while_throttled(venue: str, site: str) -> None:
    """Data rests after a 429; protection turned down for its timestamp must not rest with it."""

    async def work() -> None:
        async with opened(venue) as desk:
            play = await desk.play(site)
            await ask_once(desk, THROTTLED[venue])
            rule = coded(venue, OFF[venue][1], OFF[venue][0]).rule(SITES[venue][site], applied=False)
            assert rule is not None
            desk.stage.arm([replace(rule, times=1)])
            began_s = asyncio.get_running_loop().time()
            ended = await play.call()
            assert (ended.outcome, play.applied()) == (Outcome.DONE, True)
            assert asyncio.get_running_loop().time() == began_s

    run_virtually(work, START_MS)


@pytest.mark.parametrize("site", SITES["binance"])
@pytest.mark.parametrize("venue", SITES)
def test_nothing_is_sent_while_banned(venue: str, site: str) -> None:
    async def work() -> None:
        async with opened(venue) as desk:
            play = await desk.play(site)
            await ask_once(desk, BAN[venue])
            asked = len(desk.stage.requests)
            ended = await play.call()
            assert (ended.outcome, ended.code, play.applied()) == (Outcome.NOT_DONE, "ban", False)
            assert len(desk.stage.requests) == asked

    run_virtually(work, START_MS)


@pytest.mark.parametrize("site", ["market", "limit", "set_leverage"])
@pytest.mark.parametrize("venue", SITES)
def test_an_entry_that_comes_too_late_for_the_budget_is_not_sent(venue: str, site: str) -> None:
    async def work() -> None:
        async with opened(venue) as desk:
            play = await desk.play(site)
            await ask_once(desk, THROTTLED[venue])
            asked = len(desk.stage.requests)
            ended = await play.call()
            assert (ended.outcome, ended.code, play.applied()) == (Outcome.NOT_DONE, "slow", False)
            assert len(desk.stage.requests) == asked

    run_virtually(work, START_MS)


@pytest.mark.parametrize("venue", SITES)
def test_every_listed_answer_is_named_here(venue: str) -> None:
    """A code that comes to a table has to be judged here as well."""
    named = [one[venue] for one in (NO_EFFECT, MAYBE, CLOCK, GONE, SENT_BEFORE, SAME_LEVERAGE, SAME_OTHER)]
    assert sum(map(len, named)) == len(set().union(*named)), "named twice"
    assert set().union(*named) == set(TABLE if venue == "binance" else CODES)
    assert set(STATUSES) <= set(ODD)
    assert set(OUR_WORDS) == {"refused", "slow", "ban", "timeout", "cut", "garbage"}
