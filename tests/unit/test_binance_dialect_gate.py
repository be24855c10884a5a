"""The start-up gate on Binance: read, set where it differs, read back, refuse what cannot be made to fit."""

from typing import Any

import pytest
from binance_dialect_kit import NOW, Script, Scripted, scripted

from bot.domain.market import DAY_MS
from bot.venues.binance import BinanceDialect
from bot.venues.ccxt_venue.dialect import GateReport, MarginMode, PositionMode, Wish
from bot.venues.ccxt_venue.wire import Access, Ask, Environment
from bot.venues.port import VenueUnavailable

REFUSED = (401, {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."})
RIGHTS = {
    "ipRestrict": True,
    "enableReading": True,
    "enableFutures": True,
    "enableWithdrawals": False,
    "enableInternalTransfer": False,
    "permitsUniversalTransfer": False,
    "tradingAuthorityExpirationTime": NOW + 200 * DAY_MS,
}


class Account:
    """An account whose settings can be set; `stubborn` symbols and settings stay as they are."""

    def __init__(self, stubborn: tuple[str, ...] = (), **rights: Any) -> None:
        self.dual, self.multi = False, False
        self.symbols = {"BTCUSDT": ["ISOLATED", 10], "ETHUSDT": ["ISOLATED", 10]}
        self.statuses = {"BTCUSDT": "TRADING", "ETHUSDT": "TRADING"}
        self.stubborn = stubborn
        self.rights = RIGHTS | rights

    def script(self) -> dict[str, Script]:
        return {
            "sapiGetAccountApiRestrictions": (200, self.rights),
            "fapiPrivateGetPositionSideDual": lambda _: (200, {"dualSidePosition": self.dual}),
            "fapiPrivatePostPositionSideDual": self._set_dual,
            "fapiPrivateGetMultiAssetsMargin": lambda _: (200, {"multiAssetsMargin": self.multi}),
            "fapiPrivatePostMultiAssetsMargin": self._set_multi,
            "fapiPrivateGetSymbolConfig": self._config,
            "fapiPrivatePostLeverage": self._set_leverage,
            "fapiPrivatePostMarginType": self._set_margin,
            "fapiPublicGetExchangeInfo": lambda _: (200, self._info()),
        }

    def _info(self) -> dict[str, Any]:
        return {"symbols": [{"symbol": name, "status": status} for name, status in self.statuses.items()]}

    def _config(self, _: Ask) -> tuple[int, Any]:
        rows = [
            {"symbol": name, "marginType": margin, "leverage": leverage, "isAutoAddMargin": False}
            for name, (margin, leverage) in self.symbols.items()
        ]
        return 200, rows

    def _set_dual(self, ask: Ask) -> tuple[int, Any]:
        if "dual" in self.stubborn:
            return 400, {"code": -4068, "msg": "Position side cannot be changed if there exists position."}
        self.dual = ask.params["dualSidePosition"] == "true"
        return 200, {"code": 200, "msg": "success"}

    def _set_multi(self, ask: Ask) -> tuple[int, Any]:
        if "multi" in self.stubborn:
            return 400, {"code": -4170, "msg": "open orders"}
        self.multi = ask.params["multiAssetsMargin"] == "true"
        return 200, {"code": 200, "msg": "success"}

    def _set_leverage(self, ask: Ask) -> tuple[int, Any]:
        name, leverage = str(ask.params["symbol"]), int(str(ask.params["leverage"]))
        if name in self.stubborn:
            return 400, {"code": -4028, "msg": "Leverage is not valid"}
        self.symbols[name][1] = leverage
        return 200, {"symbol": name, "leverage": leverage, "maxNotionalValue": "1"}

    def _set_margin(self, ask: Ask) -> tuple[int, Any]:
        name, margin = str(ask.params["symbol"]), str(ask.params["marginType"])
        if name in self.stubborn:
            return 400, {"code": -4047, "msg": "Margin type cannot be changed if there exists open orders."}
        self.symbols[name][0] = margin
        return 200, {"code": 200, "msg": "success"}


WISH = Wish({"BTCUSDT": 10, "ETHUSDT": 10})
LIVE = Wish(WISH.leverage, live=True)


def standing(account: Account) -> tuple[BinanceDialect, Scripted]:
    return scripted(account.script())


async def test_an_account_that_fits_is_left_alone() -> None:
    dialect, gateway = standing(Account())
    assert await dialect.gate(LIVE) == GateReport()
    assert gateway.changing() == []
    assert len(gateway.params("fapiPrivateGetSymbolConfig")) == 1, "one call for all symbols"


async def test_what_differs_is_set_and_read_back() -> None:
    account = Account()
    account.dual = account.multi = True
    account.symbols = {"BTCUSDT": ["CROSSED", 20], "ETHUSDT": ["ISOLATED", 3]}
    dialect, gateway = standing(account)
    report = await dialect.gate(WISH)
    assert (report.refusals, report.halts) == ((), {})
    assert report.changed == (
        "position mode set to one-way",
        "multi-assets mode switched off",
        "BTCUSDT: isolated, leverage 10",
        "ETHUSDT: isolated, leverage 10",
    )
    assert account.symbols == {"BTCUSDT": ["ISOLATED", 10], "ETHUSDT": ["ISOLATED", 10]}
    assert gateway.params("fapiPrivatePostMarginType") == [{"symbol": "BTCUSDT", "marginType": "ISOLATED"}]
    assert await dialect.gate(WISH) == GateReport(), "the second look finds nothing to do"


async def test_hedge_and_crossed_where_wished() -> None:
    account = Account()
    wish = Wish({"BTCUSDT": 10}, PositionMode.HEDGE, MarginMode.CROSSED)
    report = await standing(account)[0].gate(wish)
    assert report.changed == ("position mode set to hedge", "BTCUSDT: crossed, leverage 10")
    assert account.dual


async def test_symbols_that_cannot_be_set_are_not_entered() -> None:
    account = Account(stubborn=("ETHUSDT",))
    account.symbols["ETHUSDT"] = ["CROSSED", 25]
    report = await standing(account)[0].gate(Wish({"BTCUSDT": 10, "ETHUSDT": 10, "GONEUSDT": 5}))
    assert report.refusals == ()
    assert report.halts == {
        "ETHUSDT": "margin type crossed instead of isolated, leverage 25 instead of 10 (-4028)",
        "GONEUSDT": "the exchange does not know it",
    }


async def test_symbols_that_do_not_trade_are_not_entered() -> None:
    account = Account()
    account.statuses = {"BTCUSDT": "SETTLING"}
    report = await standing(account)[0].gate(WISH)
    assert report.halts == {"BTCUSDT": "not trading (SETTLING)", "ETHUSDT": "not trading (not listed)"}


async def test_a_mode_that_cannot_be_set_is_a_reason_not_to_start() -> None:
    account = Account(stubborn=("dual", "multi"))
    account.dual = account.multi = True
    report = await standing(account)[0].gate(WISH)
    assert report.refusals == (
        "the account's position mode cannot be set to one-way (-4068)",
        "multi-assets mode is on and cannot be switched off (-4170)",
    )


async def test_keys_that_may_withdraw_do_not_trade_live() -> None:
    account = Account(enableWithdrawals=True)
    live = await standing(account)[0].gate(LIVE)
    assert live.refusals == ("the API key has the right to withdraw: take it away at the exchange",)
    drill = await standing(account)[0].gate(WISH)
    assert (drill.refusals, drill.warnings) == ((), ("the API key has the right to withdraw",))


async def test_keys_without_futures_do_not_trade() -> None:
    report = await standing(Account(enableFutures=False))[0].gate(WISH)
    assert report.refusals == ("the API key has no right to trade futures",)


async def test_what_a_person_should_know_of_a_key() -> None:
    account = Account(ipRestrict=False, permitsUniversalTransfer=True)
    account.rights["tradingAuthorityExpirationTime"] = NOW + 3 * DAY_MS + 5
    report = await standing(account)[0].gate(LIVE)
    assert report.refusals == ()
    assert report.warnings == (
        "the API key may transfer money between accounts",
        "the API key is not bound to an IP address",
        "the API key's right to trade ends in 3 days",
    )


@pytest.mark.parametrize("method", ["sapiGetAccountApiRestrictions", "fapiPrivateGetPositionSideDual"])
async def test_a_key_that_is_not_accepted_is_a_reason_not_to_start(method: str) -> None:
    script = Account().script() | {method: REFUSED}
    report = await scripted(script)[0].gate(LIVE)
    assert report.refusals == ("the exchange does not accept the API key (-2015)",)


async def test_rights_that_cannot_be_read_stop_only_live_trading() -> None:
    script = Account().script() | {"sapiGetAccountApiRestrictions": (503, None)}
    words = "the rights of the API key could not be read (HTTP 503)"
    assert (await scripted(script)[0].gate(LIVE)).refusals == (words,)
    assert (await scripted(script)[0].gate(WISH)).warnings == (words,)


async def test_the_testnet_cannot_be_asked_for_rights() -> None:
    dialect, gateway = standing(Account())
    dialect.client(Access(Environment.TESTNET))
    assert await dialect.gate(WISH) == GateReport()
    assert await dialect.maintenance() == ""
    assert not [ask for ask in gateway.asked if ask.method.startswith("sapi")]


@pytest.mark.parametrize(
    "method",
    [
        "fapiPrivateGetPositionSideDual",
        "fapiPrivateGetMultiAssetsMargin",
        "fapiPrivateGetSymbolConfig",
        "fapiPublicGetExchangeInfo",
    ],
)
@pytest.mark.parametrize("said", [(503, None), (200, {}), (200, [1]), (400, {"code": -1000})], ids=repr)
async def test_an_account_that_cannot_be_read_is_no_account(method: str, said: Any) -> None:
    with pytest.raises(VenueUnavailable):
        await scripted(Account().script() | {method: said})[0].gate(WISH)
