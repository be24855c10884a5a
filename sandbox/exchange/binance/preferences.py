"""Leverage, margin type, position mode: what is set, read back, refused when it is so already."""

from sandbox.exchange.binance.call import Call
from sandbox.exchange.binance.figures import plain
from sandbox.exchange.binance.problems import Json, Problem, missing
from sandbox.exchange.nouns import Extra, MarginMode, PositionMode, Refused
from sandbox.market.instruments import ONBOARD_MS

DONE: Json = {"code": 200, "msg": "success"}
MARGIN_TYPES = {"ISOLATED": MarginMode.ISOLATED, "CROSSED": MarginMode.CROSSED}
MARGIN_WORDS = {mode: word for word, mode in MARGIN_TYPES.items()}


def set_leverage(call: Call) -> Json:
    """POST leverage; the same leverage again is a success."""
    one, leverage = call.instrument(), call.whole("leverage")
    if leverage is None:
        raise missing("leverage")
    if not 1 <= leverage <= one.max_leverage:
        raise Problem(-4028, f"Leverage {leverage} is not valid")
    try:
        call.account.set_leverage(one.symbol, leverage)
    except Refused as refused:
        if refused.code != Extra.SAME_LEVERAGE:
            raise
    return {
        "leverage": leverage,
        "maxNotionalValue": plain(one.max_notional(leverage)),
        "symbol": one.symbol,
    }


def set_margin_type(call: Call) -> Json:
    """POST marginType."""
    symbol = call.symbol()
    mode = MARGIN_TYPES[call.choice("marginType", tuple(MARGIN_TYPES), None)]
    if mode is call.account.margin_mode(symbol):
        raise Problem(-4046)
    if mode is MarginMode.ISOLATED and call.account.name in call.floor.keeping.multi_assets:
        raise Problem(-4168)
    call.account.set_margin_mode(symbol, mode)
    return DONE


def set_position_mode(call: Call) -> Json:
    """POST positionSide/dual."""
    call.text("dualSidePosition")
    mode = PositionMode.HEDGE if call.flag("dualSidePosition") else PositionMode.ONE_WAY
    if mode is call.account.position_mode:
        raise Problem(-4059)
    call.account.set_position_mode(mode)
    return DONE


def position_mode(call: Call) -> Json:
    """GET positionSide/dual."""
    return {"dualSidePosition": call.account.position_mode is PositionMode.HEDGE}


def assets_mode(call: Call) -> Json:
    """GET multiAssetsMargin."""
    return {"multiAssetsMargin": call.account.name in call.floor.keeping.multi_assets}


def set_assets_mode(call: Call) -> Json:
    """POST multiAssetsMargin: kept and told; margins stay those of the single asset."""
    call.text("multiAssetsMargin")
    wanted, modes = call.flag("multiAssetsMargin"), call.floor.keeping.multi_assets
    if wanted is (call.account.name in modes):
        raise Problem(-4171)
    if wanted and any(call.account.margin_mode(symbol) is MarginMode.ISOLATED for symbol in call.symbols()):
        raise Problem(-4167)
    (modes.add if wanted else modes.discard)(call.account.name)
    return DONE


def account_config(call: Call) -> Json:
    """GET accountConfig."""
    rights = call.account.key.rights
    return {
        "feeTier": 0,
        "canTrade": rights.trade,
        "canDeposit": True,
        "canWithdraw": rights.withdraw,
        "dualSidePosition": call.account.position_mode is PositionMode.HEDGE,
        "updateTime": 0,
        "multiAssetsMargin": call.account.name in call.floor.keeping.multi_assets,
        "tradeGroupId": -1,
    }


def symbol_config(call: Call) -> list[Json]:
    """GET symbolConfig."""
    account = call.account
    return [
        {
            "symbol": symbol,
            "marginType": MARGIN_WORDS[account.margin_mode(symbol)],
            "isAutoAddMargin": False,
            "leverage": account.leverage(symbol),
            "maxNotionalValue": plain(call.contract(symbol).max_notional(account.leverage(symbol))),
        }
        for symbol in call.symbols()
    ]


def trading_status(call: Call) -> Json:
    """GET apiTradingStatus: nothing triggered."""
    return {"indicators": {}, "updateTime": call.floor.now_ms}


def fee_burn(call: Call) -> Json:
    """GET feeBurn."""
    return {"feeBurn": False}


def countdown(call: Call) -> Json:
    """POST countdownCancelAll: cancels all open orders of the symbol unless renewed; 0 stops the clock."""
    symbol, length = call.symbol(), call.whole("countdownTime")
    if length is None:
        raise missing("countdownTime")
    timers, key = call.floor.keeping.timers.countdown, (call.account.name, symbol)
    timers.pop(key, None)
    if length > 0:
        timers[key] = call.floor.now_ms + length
    return {"symbol": symbol, "countdownTime": str(max(0, length))}


# Outside of futures


def restrictions(call: Call) -> Json:
    """GET sapi/v1/account/apiRestrictions: what the key may do."""
    rights = call.account.key.rights
    found: Json = {
        "ipRestrict": bool(rights.ips),
        "createTime": ONBOARD_MS,
        "enableReading": True,
        "enableFutures": rights.trade and not rights.read_only,
        "enableWithdrawals": rights.withdraw,
        "enableInternalTransfer": rights.transfer,
        "permitsUniversalTransfer": rights.transfer,
        "enableVanillaOptions": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": False,
        "enableMargin": False,
        "enableSpotAndMarginTrading": False,
        "enablePortfolioMarginTrading": False,
    }
    if rights.expires_at_ms:
        found["tradingAuthorityExpirationTime"] = rights.expires_at_ms
    return found


def nothing(call: Call) -> list[Json]:
    """Lists of which the sandbox has no rows (coins, margin pairs)."""
    return []


def system_status(call: Call) -> Json:
    """GET sapi/v1/system/status."""
    return {"status": 0, "msg": "normal"}


# Listen keys


def open_key(call: Call) -> Json:
    """POST listenKey: the live key, prolonged, or a new one."""
    return {"listenKey": call.floor.keeping.keys.open(call.account.name, call.floor.now_ms)}


def keep_key(call: Call) -> Json:
    """PUT listenKey. Raises Problem -1125 when there is none."""
    key = call.floor.keeping.keys.keep(call.account.name, call.floor.now_ms)
    if key is None:
        raise Problem(-1125)
    return {"listenKey": key}


def close_key(call: Call) -> Json:
    """DELETE listenKey."""
    keys = call.floor.keeping.keys
    key = keys.of_account(call.account.name, call.floor.now_ms)
    if key is not None:
        keys.drop(key)
    return {}
