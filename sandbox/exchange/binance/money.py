"""The account's money and positions."""

from decimal import Decimal

from bot.domain.instrument import ZERO
from sandbox.exchange.binance.call import Call
from sandbox.exchange.binance.figures import average, eight, money, plain
from sandbox.exchange.binance.problems import Json, Problem
from sandbox.exchange.core import ExchangeAccount
from sandbox.exchange.nouns import Funds, LegView, MarginMode

ASSET = "USDT"


def isolated(leg: LegView) -> bool:
    """True when the position has margin of its own."""
    return leg.margin_mode is MarginMode.ISOLATED


def cross_wallet(account: ExchangeAccount, funds: Funds) -> Decimal:
    """The wallet without what isolated positions hold."""
    return funds.wallet - sum((leg.isolated_margin for leg in account.legs() if isolated(leg)), ZERO)


def _cross_profit(account: ExchangeAccount) -> Decimal:
    return sum((leg.unrealised for leg in account.legs() if not isolated(leg)), ZERO)


def break_even(call: Call, leg: LegView) -> Decimal:
    """The price at which a close pays for both fees; an estimate."""
    if not leg.quantity:
        return ZERO
    return leg.entry_price * (1 + 2 * call.exchange.rules.taker_fee * (1 if leg.quantity > 0 else -1))


def _figures(call: Call) -> dict[str, str]:
    """The figures of the only asset."""
    account = call.account
    funds = account.funds()
    return {
        "walletBalance": money(funds.wallet),
        "unrealizedProfit": money(funds.unrealised),
        "marginBalance": money(funds.wallet + funds.unrealised),
        "maintMargin": money(funds.maintenance_margin),
        "initialMargin": money(funds.position_margin + funds.order_margin),
        "positionInitialMargin": money(funds.position_margin),
        "openOrderInitialMargin": money(funds.order_margin),
        "crossWalletBalance": money(cross_wallet(account, funds)),
        "crossUnPnl": money(_cross_profit(account)),
        "availableBalance": money(max(ZERO, funds.available)),
        "maxWithdrawAmount": money(max(ZERO, min(funds.available, funds.wallet))),
    }


TOTALS = {
    "totalInitialMargin": "initialMargin",
    "totalMaintMargin": "maintMargin",
    "totalWalletBalance": "walletBalance",
    "totalUnrealizedProfit": "unrealizedProfit",
    "totalMarginBalance": "marginBalance",
    "totalPositionInitialMargin": "positionInitialMargin",
    "totalOpenOrderInitialMargin": "openOrderInitialMargin",
    "totalCrossWalletBalance": "crossWalletBalance",
    "totalCrossUnPnl": "crossUnPnl",
    "availableBalance": "availableBalance",
    "maxWithdrawAmount": "maxWithdrawAmount",
}


def _held(call: Call) -> list[LegView]:
    """Positions, and flat ones with open orders."""
    account = call.account
    ordered = {order.ask.symbol for order in account.live_orders()}
    return [leg for leg in account.legs() if leg.quantity or leg.symbol in ordered]


def _all(call: Call) -> list[LegView]:
    return [leg for symbol in call.symbols() for leg in call.account.legs(symbol)]


def account_v3(call: Call) -> Json:
    """GET v3/account: positions that are held or ordered only."""
    figures = _figures(call)
    asset = {"asset": ASSET, **figures, "updateTime": updated(call)}
    totals = {name: figures[key] for name, key in TOTALS.items()}
    return {**totals, "assets": [asset], "positions": [_position_v3(leg) for leg in _held(call)]}


def account_v2(call: Call) -> Json:
    """GET v2/account (and v1): positions of all symbols."""
    figures, rights = _figures(call), call.account.key.rights
    asset = {"asset": ASSET, **figures, "marginAvailable": True, "updateTime": updated(call)}
    totals = {name: figures[key] for name, key in TOTALS.items()}
    return {
        "feeTier": 0,
        "feeBurn": False,
        "canTrade": rights.trade,
        "canDeposit": True,
        "canWithdraw": rights.withdraw,
        "updateTime": 0,
        "multiAssetsMargin": call.account.name in call.floor.keeping.multi_assets,
        "tradeGroupId": -1,
        **totals,
        "assets": [asset],
        "positions": [_position_v2(call, leg) for leg in _all(call)],
    }


def updated(call: Call) -> int:
    """When the money last moved; clients take 0 for an asset that is not there."""
    return call.account.funds().updated_at_ms or call.floor.now_ms


def _shared(leg: LegView) -> Json:
    return {
        "symbol": leg.symbol,
        "positionSide": leg.leg.value,
        "positionAmt": plain(leg.quantity),
        "unrealizedProfit": money(leg.unrealised),
        "isolatedMargin": money(leg.isolated_margin + leg.unrealised if isolated(leg) else ZERO),
        "notional": plain(leg.quantity * leg.mark),
        "isolatedWallet": money(leg.isolated_margin if isolated(leg) else ZERO),
        "initialMargin": money(leg.initial_margin),
        "maintMargin": money(leg.maintenance_margin),
        "updateTime": leg.updated_at_ms,
    }


def _position_v3(leg: LegView) -> Json:
    return _shared(leg)


def _position_v2(call: Call, leg: LegView) -> Json:
    return _shared(leg) | {
        "positionInitialMargin": money(leg.initial_margin),
        "openOrderInitialMargin": "0",
        "leverage": str(leg.leverage),
        "isolated": isolated(leg),
        "entryPrice": average(leg.entry_price),
        "breakEvenPrice": average(break_even(call, leg)),
        "maxNotional": plain(call.contract(leg.symbol).max_notional(leg.leverage)),
        "bidNotional": "0",
        "askNotional": "0",
    }


def balance(call: Call) -> list[Json]:
    """GET balance."""
    figures = _figures(call)
    return [
        {
            "accountAlias": "SgsR",
            "asset": ASSET,
            "balance": figures["walletBalance"],
            "crossWalletBalance": figures["crossWalletBalance"],
            "crossUnPnl": figures["crossUnPnl"],
            "availableBalance": figures["availableBalance"],
            "maxWithdrawAmount": figures["maxWithdrawAmount"],
            "marginAvailable": True,
            "updateTime": updated(call),
        }
    ]


def _risk(call: Call, leg: LegView) -> Json:
    """What all versions of positionRisk tell."""
    return {
        "symbol": leg.symbol,
        "positionSide": leg.leg.value,
        "positionAmt": plain(leg.quantity),
        "entryPrice": average(leg.entry_price),
        "breakEvenPrice": average(break_even(call, leg)),
        "markPrice": eight(leg.mark),
        "unRealizedProfit": money(leg.unrealised),
        "liquidationPrice": plain(leg.liquidation_price or ZERO),
        "isolatedMargin": money(leg.isolated_margin + leg.unrealised if isolated(leg) else ZERO),
        "notional": plain(leg.quantity * leg.mark),
        "isolatedWallet": money(leg.isolated_margin if isolated(leg) else ZERO),
        "updateTime": leg.updated_at_ms,
    }


def position_risk_v3(call: Call) -> list[Json]:
    """GET v3/positionRisk: held or ordered only; no leverage, no margin type."""
    symbol = call.optional_symbol()
    return [
        _risk(call, leg)
        | {
            "marginAsset": ASSET,
            "initialMargin": money(leg.initial_margin),
            "maintMargin": money(leg.maintenance_margin),
            "positionInitialMargin": money(leg.initial_margin),
            "openOrderInitialMargin": "0",
            "adl": 2 if leg.quantity else 0,
            "bidNotional": "0",
            "askNotional": "0",
        }
        for leg in _held(call)
        if symbol in {"", leg.symbol}
    ]


def position_risk_v2(call: Call) -> list[Json]:
    """GET v2/positionRisk (and v1): all symbols."""
    return [
        _risk(call, leg)
        | {
            "leverage": str(leg.leverage),
            "maxNotionalValue": plain(call.contract(leg.symbol).max_notional(leg.leverage)),
            "marginType": "isolated" if isolated(leg) else "cross",
            "isAutoAddMargin": "false",
        }
        for leg in _all(call)
    ]


def adl_quantiles(call: Call) -> list[Json]:
    """GET adlQuantile."""
    held = [leg for leg in call.account.legs(call.optional_symbol()) if leg.quantity]
    return [{"symbol": leg.symbol, "adlQuantile": {leg.leg.value: 2}} for leg in held]


def position_margin(call: Call) -> Json:
    """POST positionMargin: checked as documented; the sandbox moves no margin (-1020)."""
    symbol, amount = call.symbol(), call.needed_figure("amount")
    if call.choice("type", ("1", "2"), None) and amount <= ZERO:
        raise Problem(-4055)
    legs = call.account.legs(symbol)
    if not any(isolated(leg) for leg in legs):
        raise Problem(-4049)
    if not any(leg.quantity for leg in legs):
        raise Problem(-4054)
    raise Problem(-1020)
