"""How ccxt is pointed at one of Binance's worlds: constructor settings that merge over its defaults.

Every address ccxt knows for this exchange is listed. In the sandbox all of them lead to the sandbox; on the testnet
those for which there is no testnet are taken away (None), so that a testnet key can never be sent to production: ccxt
then refuses the call before it leaves.
"""

from collections.abc import Mapping

from bot.venues.ccxt_venue.dialect import Client
from bot.venues.ccxt_venue.wire import Access, Environment

EXCHANGE_ID = "binanceusdm"

_PATHS = {
    "fapiPublic": "/fapi/v1",
    "fapiPublicV2": "/fapi/v2",
    "fapiPublicV3": "/fapi/v3",
    "fapiPrivate": "/fapi/v1",
    "fapiPrivateV2": "/fapi/v2",
    "fapiPrivateV3": "/fapi/v3",
    "fapiData": "/futures/data",
    "dapiPublic": "/dapi/v1",
    "dapiPrivate": "/dapi/v1",
    "dapiPrivateV2": "/dapi/v2",
    "dapiData": "/futures/data",
    "eapiPublic": "/eapi/v1",
    "eapiPrivate": "/eapi/v1",
    "sapi": "/sapi/v1",
    "sapiV2": "/sapi/v2",
    "sapiV3": "/sapi/v3",
    "sapiV4": "/sapi/v4",
    "public": "/api/v3",
    "private": "/api/v3",
    "v1": "/api/v1",
    "papi": "/papi/v1",
    "papiV2": "/papi/v2",
}
_SOCKETS = ("spot", "margin", "linear", "inverse", "stock", "option", "optionMarket", "optionPrivate", "papi")
_CALL_SOCKETS = {"spot": "/ws-api/v3", "linear": "/ws-fapi/v1", "inverse": "/ws-dapi/v1"}

# The demo (formerly testnet) of the futures exchange; ccxt refuses the old testnet's private calls.
_DEMO_FUTURES = "https://demo-fapi.binance.com"
_DEMO_STREAM = "wss://fstream.binancefuture.com/ws"
_DEMO_CALLS = "wss://testnet.binancefuture.com/ws-fapi/v1"

# What holds for every exchange (no repeats, no snapshots of its own, small caches) the shared client sees to.
_OPTIONS: Mapping[str, object] = {
    "defaultType": "future",
    "defaultSubType": "linear",
    "fetchMarkets": {"types": ["linear"]},
    "fetchCurrencies": False,
    "fetchMargins": False,
}


def client(access: Access) -> Client:
    """How ccxt is constructed for this access."""
    settings: dict[str, object] = {"options": dict(_OPTIONS)}
    if access.environment is Environment.SANDBOX:
        settings["urls"] = {"api": _sandbox(access.rest.rstrip("/"), access.stream.rstrip("/"))}
    elif access.environment is Environment.TESTNET:
        settings["urls"] = {"api": _demo()}
    return Client(EXCHANGE_ID, settings)


def _sandbox(rest: str, stream: str) -> dict[str, object]:
    """ccxt cuts streams by kind (/public, /market, /private) when the address ends with /ws, as in production."""
    api: dict[str, object] = {name: rest + path for name, path in _PATHS.items()}
    sockets: dict[str, object] = dict.fromkeys(_SOCKETS, f"{stream}/ws")
    sockets["ws-api"] = {name: stream + path for name, path in _CALL_SOCKETS.items()}
    return api | {"ws": sockets}


def _demo() -> dict[str, object]:
    """fapiData (open interest and ratios of the past) has no demo; there nobody asks for it."""
    api: dict[str, object] = dict.fromkeys(_PATHS)
    api |= {
        name: _DEMO_FUTURES + path
        for name, path in _PATHS.items()
        if name.startswith("fapi") and name != "fapiData"
    }
    sockets: dict[str, object] = dict.fromkeys(_SOCKETS)
    sockets["linear"] = _DEMO_STREAM
    sockets["ws-api"] = {name: _DEMO_CALLS if name == "linear" else None for name in _CALL_SOCKETS}
    return api | {"ws": sockets}
