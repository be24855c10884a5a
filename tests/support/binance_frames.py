"""Frames of Binance's user stream and market streams, as documented, for tests."""

from typing import Any

from binance_dialect_kit import NOW, SYMBOL

type Frame = dict[str, Any]


def order_frame(what: str = "NEW", status: str = "NEW", **more: Any) -> Frame:
    """ORDER_TRADE_UPDATE."""
    order = {
        "s": SYMBOL, "c": "qd0001-e1", "S": "BUY", "o": "MARKET", "f": "GTC", "q": "0.010", "p": "0", "ap": "0",
        "sp": "0", "x": what, "X": status, "i": 11, "l": "0", "z": "0", "L": "0", "n": "0", "N": "USDT",
        "T": NOW, "t": 0, "b": "0", "a": "0", "m": False, "R": False, "wt": "CONTRACT_PRICE", "ot": "MARKET",
        "ps": "BOTH", "cp": False, "rp": "0", "pP": False, "si": 0, "ss": 0, "V": "NONE", "pm": "NONE", "gtd": 0,
    }  # fmt: skip
    return {"e": "ORDER_TRADE_UPDATE", "E": NOW, "T": NOW, "o": order | more}


def fill_frame(trade_id: int = 7, **more: Any) -> Frame:
    """ORDER_TRADE_UPDATE of an execution that fills the order."""
    figures = {"t": trade_id, "l": "0.010", "z": "0.010", "L": "50000.5", "ap": "50000.5", "n": "0.25"}
    return order_frame("TRADE", "FILLED", **(figures | more))


def algo_frame(state: str = "NEW", **more: Any) -> Frame:
    """ALGO_UPDATE."""
    algo = {
        "caid": "qd0001-s1", "aid": 501, "at": "CONDITIONAL", "o": "STOP_MARKET", "s": SYMBOL, "S": "SELL",
        "ps": "BOTH", "f": "GTC", "q": "0.010", "X": state, "ai": "", "ap": "0", "aq": "0", "act": "0",
        "tp": "49000.5", "p": "0", "V": "NONE", "wt": "MARK_PRICE", "pm": "NONE", "cp": False, "pP": False,
        "R": True, "tt": 0, "gtd": 0, "rm": "",
    }  # fmt: skip
    return {"e": "ALGO_UPDATE", "T": NOW, "E": NOW, "o": algo | more}


def account_frame(reason: str = "ORDER", change: str = "0", *symbols: str, wallet: str = "9999.75") -> Frame:
    """ACCOUNT_UPDATE."""
    positions = [
        {"s": one, "pa": "0.010", "ep": "50000", "up": "0", "mt": "isolated", "iw": "50", "ps": "BOTH"}
        for one in symbols
    ]
    balances = [
        {"a": "BNB", "wb": "1", "cw": "1", "bc": "0"},
        {"a": "USDT", "wb": wallet, "cw": wallet, "bc": change},
    ]
    return {"e": "ACCOUNT_UPDATE", "E": NOW, "T": NOW, "a": {"m": reason, "B": balances, "P": positions}}


MARGIN_CALL: Frame = {
    "e": "MARGIN_CALL", "E": NOW, "cw": "3.16812045",
    "p": [{"s": SYMBOL, "ps": "BOTH", "pa": "1.327", "mt": "ISOLATED", "iw": "50", "mp": "187.17",
           "up": "-1.16", "mm": "1.61"}],
}  # fmt: skip
LEVERAGE: Frame = {"e": "ACCOUNT_CONFIG_UPDATE", "E": NOW, "T": NOW, "ac": {"s": SYMBOL, "l": 25}}
MULTI_ASSETS: Frame = {"e": "ACCOUNT_CONFIG_UPDATE", "E": NOW, "T": NOW, "ai": {"j": True}}
KEY_EXPIRED: Frame = {"e": "listenKeyExpired", "E": NOW, "listenKey": "abc"}
TRADE_LITE: Frame = {"e": "TRADE_LITE", "E": NOW, "T": NOW, "s": SYMBOL, "q": "0.010", "p": "0", "m": False,
                     "c": "qd0001-e1", "S": "BUY", "L": "50000.5", "l": "0.010", "t": 7, "i": 11}  # fmt: skip
TRIGGER_REJECT: Frame = {"e": "CONDITIONAL_ORDER_TRIGGER_REJECT", "E": NOW, "T": NOW,
                         "or": {"s": SYMBOL, "i": 77,
                                "r": "Due to the order could not be filled immediately"}}  # fmt: skip

USER_FRAMES: list[Frame] = [
    order_frame(),
    fill_frame(),
    order_frame("CANCELED", "CANCELED"),
    order_frame("EXPIRED", "EXPIRED"),
    *(
        algo_frame(state, ai="77")
        for state in ("NEW", "TRIGGERING", "TRIGGERED", "FINISHED", "CANCELED", "REJECTED", "EXPIRED")
    ),
    account_frame(),
    account_frame("FUNDING_FEE", "-0.5", SYMBOL),
    MARGIN_CALL,
    LEVERAGE,
    MULTI_ASSETS,
    KEY_EXPIRED,
    TRADE_LITE,
    TRIGGER_REJECT,
    {"stream": "key", "data": fill_frame()},
]

KLINE: Frame = {
    "e": "kline", "E": NOW, "s": SYMBOL,
    "k": {"t": NOW, "T": NOW + 59_999, "s": SYMBOL, "i": "1m", "f": 1, "L": 2, "o": "50000.1", "c": "50010.2",
          "h": "50020.3", "l": "49990.4", "v": "12.5", "n": 9, "x": False, "q": "6", "V": "5", "Q": "2", "B": "0"},
}  # fmt: skip
MARK: Frame = {"e": "markPriceUpdate", "E": NOW, "s": SYMBOL, "p": "50001.5", "ap": "50001", "i": "50000",
               "P": "50002", "r": "0.00010000", "T": NOW + 3_600_000}  # fmt: skip
BOOK: Frame = {
    "e": "bookTicker",
    "u": 4,
    "E": NOW,
    "T": NOW,
    "s": SYMBOL,
    "b": "50000.1",
    "B": "3",
    "a": "50000.2",
    "A": "4",
}
MINI: Frame = {
    "e": "24hrMiniTicker",
    "E": NOW,
    "s": SYMBOL,
    "c": "50000.5",
    "o": "1",
    "h": "2",
    "l": "1",
    "v": "9",
    "q": "9",
}
CONTINUOUS: Frame = {"e": "continuous_kline", "E": NOW, "ps": SYMBOL, "ct": "PERPETUAL",
                     "k": {key: value for key, value in KLINE["k"].items() if key != "s"} | {"x": True}}  # fmt: skip

MARKET_FRAMES: list[Any] = [KLINE, MARK, [MARK, MARK], BOOK, MINI, [MINI], CONTINUOUS, {"stream": "x", "data": KLINE},
                            {"stream": "!markPrice@arr", "data": [MARK]}]  # fmt: skip
