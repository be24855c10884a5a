"""Binance's USDⓈ-M futures protocol over the sandbox exchange: REST, market and user streams, websocket API.

protocol      the face: requests and frames in, answers and frames out
rules         how this exchange behaves in the core
settings      what may be chosen about the protocol
call          one request, its parameters read the way Binance reads them
problems      documented errors: code, message, HTTP status
access        keys, signatures, timestamps
limits        request weights, order counts, bans
routes        which call answers which path, its weight and its lock
contracts     exchangeInfo, brackets, funding intervals
candles       klines and the statistics that stand on them
prices        tickers, book, trades, premium index
orders        ordinary orders
conditionals  orders of the algo service
money         account, balance, positions
preferences   leverage, margin type, position mode
history       executions, income
wallet        the few calls outside of futures that clients make at their start
keeping       listen keys, timers: what this protocol remembers beside the core
hub           who listens to which stream
quotes        frames of market streams
personal      frames of user streams
socket_calls  the websocket API
faults        Binance's own wording of trouble
"""

from sandbox.exchange.binance.protocol import BinanceProtocol
from sandbox.exchange.binance.rules import BINANCE_RULES
from sandbox.exchange.binance.settings import Settings

__all__ = ["BINANCE_RULES", "BinanceProtocol", "Settings"]
