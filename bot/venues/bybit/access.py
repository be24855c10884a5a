"""Addresses and settings of the client for each of Bybit's worlds, and how its sockets live."""

from bot.venues.bybit.errors import CANCEL, CREATE, TRADING_STOP
from bot.venues.ccxt_venue.dialect import Client, RateLimits, StreamPlan
from bot.venues.ccxt_venue.wire import Access, Environment

EXCHANGE = "bybit"

# 600 requests in five seconds for an address; orders: ten a second for an account and endpoint.
LIMITS = RateLimits(
    weight_per_minute=7200,
    orders_per_10s=100,
    per_second=dict.fromkeys((CREATE, CANCEL, TRADING_STOP), 10),
)
"""Thirty orders at once come before the first answer has told how many a second are taken."""

# 21,000 characters of topics fit one connection. The longest symbols make topics of some 30 characters; each symbol
# may have two (candle, ticker), with quotes and comma.
ARGS_CHARACTERS = 21_000
TOPIC_CHARACTERS = 33
STREAMS = StreamPlan(
    symbols_per_socket=ARGS_CHARACTERS // (2 * TOPIC_CHARACTERS),
    silent_s=60.0,  # candles are pushed at least once a minute even when nothing trades
    life_s=23 * 3600.0,  # no life is documented; a day with one connection is trusted, not more
)

OPTIONS: dict[str, object] = {
    "defaultType": "swap",
    "defaultSubType": "linear",
    "fetchMarkets": {"types": ["linear"]},
    "fetchCurrencies": False,
    # what ccxt would ask before its first private call; the gate refuses any other kind of account
    "enableUnifiedMargin": True,
    "enableUnifiedAccount": True,
    "unifiedMarginStatus": 6,
    "maxRetriesOnFailure": 0,
}
_REST = ("spot", "futures", "v2", "public", "private")
_MARKETS = ("spot", "inverse", "option", "linear")


def client(access: Access) -> Client:
    """Constructor settings of ccxt's `bybit` for an access, without key and secret."""
    settings: dict[str, object] = {"options": OPTIONS, "has": {"fetchCurrencies": False}}
    if access.environment is Environment.SANDBOX:
        tree = addresses(access.rest.rstrip("/"), access.stream.rstrip("/"))
        # ccxt can be switched to its test addresses later on: those lead nowhere else either
        settings["urls"] = {"api": tree, "test": tree, "demotrading": tree}
    elif access.environment is Environment.TESTNET:
        settings["urls"] = {
            "api": addresses("https://api-testnet.{hostname}", "wss://stream-testnet.{hostname}")
        }
    return Client(EXCHANGE, settings)


def addresses(rest: str, stream: str) -> dict[str, object]:
    """ccxt's tree of addresses over one REST and one stream base."""
    private = f"{stream}/v5/private"
    sockets: dict[str, object] = {
        "public": {market: f"{stream}/v5/public/{market}" for market in _MARKETS},
        "private": {
            "spot": {"unified": private, "nonUnified": private},
            "contract": private,
            "usdc": private,
            "trade": f"{stream}/v5/trade",
        },
    }
    return {**dict.fromkeys(_REST, rest), "ws": sockets}
