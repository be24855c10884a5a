"""Clients that others wrote, pointed at loopback by nothing but their addresses."""

import time
from collections.abc import Mapping
from typing import Any

type Place = Mapping[str, str]
"""Where an exchange is: rest, stream, api_key, secret (as `quarterdeck sandbox` prints it)."""


def ccxt_urls(place: Place) -> dict[str, Any]:
    """Every address of ccxt's Binance class; one that is forgotten would speak to the internet."""
    rest, stream = place["rest"], place["stream"]
    api: dict[str, Any] = {
        "public": f"{rest}/api/v3",
        "private": f"{rest}/api/v3",
        "v1": f"{rest}/api/v1",
        "sapi": f"{rest}/sapi/v1",
        "fapiData": f"{rest}/futures/data",
        "dapiData": f"{rest}/futures/data",
        "ws": {
            **dict.fromkeys(("linear", "inverse", "spot", "margin", "option", "future"), f"{stream}/ws"),
            "ws-api": {"linear": f"{stream}/ws-fapi/v1", "spot": f"{stream}/ws-api/v3"},
        },
    }
    for family in ("fapi", "dapi", "eapi", "papi", "sapi"):
        for version in ("", "V2", "V3", "V4"):
            path = f"{rest}/{family}/v{version[1:] or 1}"
            names = [f"{family}{version}"] if family in {"sapi", "papi"} else []
            for name in (*names, f"{family}Public{version}", f"{family}Private{version}"):
                api[name] = path
    return {"api": api}


def ccxt_bybit_urls(place: Place) -> dict[str, Any]:
    """Every address of ccxt's Bybit class."""
    rest, stream = place["rest"], place["stream"]
    private = {"unified": f"{stream}/v5/private", "nonUnified": f"{stream}/v5/private"}
    return {
        "api": {
            **dict.fromkeys(("public", "private", "spot", "futures", "v2"), rest),
            "ws": {
                "public": {
                    kind: f"{stream}/v5/public/{kind}" for kind in ("spot", "linear", "inverse", "option")
                },
                "private": {
                    "spot": private,
                    "contract": f"{stream}/v5/private",
                    "usdc": f"{stream}/v5/private",
                    "trade": f"{stream}/v5/trade",
                },
            },
        }
    }


def ccxt_config(place: Place, **more: Any) -> dict[str, Any]:
    """What ccxt.pro.binanceusdm takes."""
    options = {"fetchCurrencies": False, "fetchOpenOrders": {"warnWithoutSymbol": False}}
    base = {
        "apiKey": place["api_key"],
        "secret": place["secret"],
        "urls": ccxt_urls(place),
        "options": options,
    }
    return base | {"enableRateLimit": False} | more


def ccxt_bybit_config(place: Place, **more: Any) -> dict[str, Any]:
    """What ccxt.pro.bybit takes."""
    options = {"defaultType": "swap", "defaultSubType": "linear", "fetchMarkets": {"types": ["linear"]}}
    urls = ccxt_bybit_urls(place)
    base = {"apiKey": place["api_key"], "secret": place["secret"], "urls": urls, "options": options}
    return base | {"enableRateLimit": False} | more


def python_binance(place: Place) -> Any:
    """A class of python-binance's asynchronous client; `await (it).create(key, secret)`."""
    from binance import AsyncClient

    rest, stream = place["rest"], place["stream"]

    class Client(AsyncClient):  # type: ignore[misc]
        API_URL = f"{rest}/api"
        MARGIN_API_URL = f"{rest}/sapi"
        WEBSITE_URL = rest
        FUTURES_URL = f"{rest}/fapi"
        FUTURES_DATA_URL = f"{rest}/futures/data"
        WS_API_URL = f"{stream}/ws-api/v3"
        WS_FUTURES_URL = f"{stream}/ws-fapi/v1"

    return Client


def python_binance_sockets(client: Any, place: Place) -> Any:
    """python-binance's socket manager."""
    from binance import BinanceSocketManager

    sockets = BinanceSocketManager(client)
    sockets.FSTREAM_URL = place["stream"] + "/"
    return sockets


def official_sdk(place: Place) -> Any:
    """Binance's own SDK: `rest_api` is synchronous, `websocket_streams` asynchronous."""
    from binance_common.configuration import ConfigurationRestAPI, ConfigurationWebSocketStreams
    from binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures import (
        DerivativesTradingUsdsFutures,
    )

    rest = ConfigurationRestAPI(
        place["api_key"], place["secret"], base_path=place["rest"], retries=0, timeout=10_000
    )
    streams = ConfigurationWebSocketStreams(stream_url=place["stream"])
    return DerivativesTradingUsdsFutures(config_rest_api=rest, config_ws_streams=streams)


def pybit_http(place: Place) -> Any:
    """pybit's synchronous REST session."""
    from pybit.unified_trading import HTTP

    session = HTTP(api_key=place["api_key"], api_secret=place["secret"])
    session.endpoint = place["rest"]
    return session


def pybit_private_stream(place: Place, monkeypatch: Any) -> Any:
    """pybit's private websocket: it takes no address, so its module's is changed; runs in threads, end with exit()."""
    import pybit.unified_trading as pybit

    monkeypatch.setattr(pybit, "PRIVATE_WSS", f"{place['stream']}/v5/private")
    monkeypatch.setattr(pybit, "PUBLIC_WSS", place["stream"] + "/v5/public/{CHANNEL_TYPE}")
    stream = pybit.WebSocket(
        testnet=False,
        channel_type="private",
        api_key=place["api_key"],
        api_secret=place["secret"],
        restart_on_error=False,
    )
    stream.subscriptions = Subscriptions()
    return stream


class Subscriptions(dict[str, str]):
    """pybit notes what it asked for after it has sent it: an answer from loopback may be read before that."""

    def __missing__(self, key: str) -> str:
        """Wait until the other thread has noted it. Raises KeyError after a minute."""
        for _ in range(6_000):
            if key in self:
                return self[key]
            time.sleep(0.01)
        raise KeyError(key)
