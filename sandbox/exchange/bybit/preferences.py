"""The account: wallet, positions, fees, key, and what may be set."""

from datetime import UTC, datetime
from decimal import Decimal

from sandbox.exchange.bybit.asking import Call, settle_coin
from sandbox.exchange.bybit.holdings import position_row, wallet_row
from sandbox.exchange.bybit.orders import refusing
from sandbox.exchange.bybit.problems import Problem, bad, problem_of
from sandbox.exchange.bybit.words import CATEGORY, COIN, plain
from sandbox.exchange.nouns import Extra, LegView, MarginMode, PositionMode, Refused

type Result = dict[str, object]

MARGIN_MODES = {"ISOLATED_MARGIN": MarginMode.ISOLATED, "REGULAR_MARGIN": MarginMode.CROSSED}
MARGIN_WORDS = {mode: word for word, mode in MARGIN_MODES.items()}
POSITION_MODES = {0: PositionMode.ONE_WAY, 3: PositionMode.HEDGE}
DAY_MS = 86_400_000
EPOCH = "1970-01-01T00:00:00Z"


def margin_mode(call: Call) -> MarginMode:
    """The account's margin mode: that of all its contracts."""
    return call.account.margin_mode(next(iter(call.exchange.instruments)))


def wallet_balance(call: Call) -> Result:
    """GET account/wallet-balance."""
    if call.needed("accountType") != "UNIFIED":
        raise bad("accountType only support UNIFIED.")
    row = wallet_row(call.notes, call.account.funds(), margin_mode(call))
    coins = {name for name in call.text("coin").split(",") if name}
    if coins and COIN not in coins:
        row["coin"] = []
    return {"list": [row]}


def account_info(call: Call) -> Result:
    """GET account/info."""
    return {
        "marginMode": MARGIN_WORDS[margin_mode(call)],
        "updatedTime": str(call.floor.now_ms),
        "unifiedMarginStatus": 6 if call.floor.memory.settings.unified else 1,
        "dcpStatus": "OFF",
        "timeWindow": 0,
        "smpGroup": 0,
        "isMasterTrader": False,
        "spotHedgingStatus": "OFF",
    }


def fee_rate(call: Call) -> Result:
    """GET account/fee-rate."""
    call.category()
    symbol, rules = call.optional_symbol(), call.exchange.rules
    rates = {"takerFeeRate": plain(rules.taker_fee), "makerFeeRate": plain(rules.maker_fee)}
    symbols = [symbol] if symbol else list(call.exchange.instruments)
    return {"list": [{"symbol": one, **rates, "baseCoin": ""} for one in symbols]}


def query_api(call: Call) -> Result:
    """GET user/query-api."""
    key, rights = call.account.key, call.account.key.rights
    expires = rights.expires_at_ms
    wallet = ["AccountTransfer", "SubMemberTransfer"] if rights.transfer else []
    return {
        "id": "2208369",
        "note": "sandbox",
        "apiKey": key.key,
        "readOnly": 1 if rights.read_only or not rights.trade else 0,
        "secret": "",
        "permissions": {
            "ContractTrade": ["Order", "Position"] if rights.trade else [],
            "Spot": [],
            "Wallet": wallet + (["Withdraw"] if rights.withdraw else []),
            "Options": [],
            "Derivatives": ["DerivativesTrade"] if rights.trade else [],
            **{name: [] for name in ("CopyTrading", "BlockTrade", "Exchange", "NFT", "Affiliate", "Earn")},
        },
        "ips": list(rights.ips) or ["*"],
        "type": 1,
        "deadlineDay": max(0, (expires - call.floor.now_ms) // DAY_MS) if expires else -2,
        "expiredAt": _moment(expires) if expires else EPOCH,
        "createdAt": _moment(0),
        "unified": 0,
        "uta": 1 if call.floor.memory.settings.unified else 0,
        "userID": 1448939,
        "inviterID": 0,
        "vipLevel": "No VIP",
        "mktMakerLevel": "0",
        "affiliateID": 0,
        "rsaPublicKey": "",
        "isMaster": True,
        "parentUid": "0",
        "kycLevel": "LEVEL_DEFAULT",
        "kycRegion": "",
    }


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def positions(call: Call) -> Result:
    """GET position/list: with a symbol flat ones too, else only what is held."""
    call.category()
    symbol = call.optional_symbol()
    if not symbol and not call.text("settleCoin"):
        raise bad("params error: symbol or settleCoin is required")
    legs = call.account.legs(symbol)
    if not symbol:
        legs = [leg for leg in legs if leg.quantity] if settle_coin(call) == COIN else []
    page, cursor = call.page(legs[::-1], 20, 200)
    return {"list": [_position(call, leg) for leg in page], "nextPageCursor": cursor, "category": CATEGORY}


def _position(call: Call, leg: LegView) -> Result:
    return position_row(call.exchange, call.account, call.notes, leg)


def set_leverage(call: Call) -> Result:
    """POST position/set-leverage."""
    call.category()
    symbol = call.instrument().symbol
    buy, sell = call.needed_figure("buyLeverage"), call.needed_figure("sellLeverage")
    if buy != sell:
        raise bad("buy leverage must be equal to sell leverage")
    leverage = _whole_leverage(buy)
    if call.account.leverage(symbol) == leverage:
        raise Problem(110043)
    refusing(lambda: call.account.set_leverage(symbol, leverage))
    return {}


def _whole_leverage(value: Decimal) -> int:
    if value < 1 or value != value.to_integral_value():
        raise bad("leverage invalid")
    return int(value)


def switch_mode(call: Call) -> Result:
    """POST position/switch-mode; the mode is the whole account's here, whether a symbol or a coin is named."""
    call.category()
    if not call.optional_symbol() and not call.text("coin"):
        raise bad("params error: symbol or coin is required")
    wanted = call.whole("mode")
    mode = None if wanted is None else POSITION_MODES.get(wanted)
    if mode is None:
        raise bad("mode invalid")
    if call.account.position_mode is mode:
        raise Problem(110025)
    refusing(lambda: call.account.set_position_mode(mode))
    return {}


def switch_isolated(call: Call) -> Result:
    """POST position/switch-isolated: of classic accounts only."""
    if call.floor.memory.settings.unified:
        raise Problem(100028)
    call.category()
    symbol, wanted = call.instrument().symbol, call.whole("tradeMode")
    if wanted not in {0, 1}:
        raise bad("tradeMode invalid")
    mode = MarginMode.ISOLATED if wanted else MarginMode.CROSSED
    if call.account.margin_mode(symbol) is mode:
        raise Problem(110026)
    refusing(lambda: call.account.set_margin_mode(symbol, mode))
    return {}


def set_margin_mode(call: Call) -> Result:
    """POST account/set-margin-mode: of the whole account; refused with open orders or positions."""
    mode = MARGIN_MODES.get(call.needed("setMarginMode"))
    if mode is None:
        raise Problem(3400045, result=_reasons("3400000", "Portfolio margin is not available"))
    account = call.account
    if account.live_orders() or any(leg.quantity for leg in account.legs()):
        raise Problem(3400045, result=_reasons("3400089", "There are open orders or positions"))
    for symbol in call.exchange.instruments:
        try:
            account.set_margin_mode(symbol, mode)
        except Refused as error:
            if error.code != Extra.SAME_MARGIN_MODE:
                raise problem_of(error) from None
    return {"reasons": []}


def _reasons(code: str, message: str) -> Result:
    return {"reasons": [{"reasonCode": code, "reasonMsg": message}]}


def coin_info(call: Call) -> Result:
    """GET asset/coin/query-info: nothing but derivatives is here."""
    call.text("coin")
    return {"rows": []}
