"""Bybit's v5 protocol for linear contracts over the sandbox exchange: REST, public, private and trade sockets.

protocol      the face: requests and frames in, answers and frames out
rules         how this exchange behaves in the core
settings      what may be chosen about the protocol
words         Bybit's words and figures
identity      order ids: a conditional order and what it becomes are one order here
asking        one call, its parameters read the way Bybit reads them
problems      documented errors: code, words, the core's refusals behind them
access        keys, signatures, timestamps, rights
limits        requests per second and endpoint, the ban of an address
routes        which call answers which path
serve         one call from its route to its result
market        public calls
levels        a made-up depth
orders        create, amend, cancel
sides         stops and targets: on which side of the price
stops         trading-stop, and the stops that orders bring
preferences   account, wallet, positions, leverage, modes, key
history       orders, executions, closed positions, transactions
records       orders as Bybit sees them
rows          rows of orders and executions
holdings      rows of positions, wallets, closed positions
keeping       what this protocol remembers beside the core
hub           who listens to which topic
quotes        frames of public topics
personal      frames of private topics
socket_calls  what clients send over sockets
faults        Bybit's own wording of trouble
"""

from sandbox.exchange.bybit.protocol import BybitProtocol
from sandbox.exchange.bybit.rules import BYBIT_RULES
from sandbox.exchange.bybit.settings import Settings

__all__ = ["BYBIT_RULES", "BybitProtocol", "Settings"]
