"""Binance USDⓈ-M futures: its words for what the venue port asks and tells.

errors          what its answers mean: our table over HTTP status, code and kind of ask
asks            the REST calls with their documented weights
reading         figures and texts out of answers that may hold anything
addresses       how ccxt is pointed at its worlds
kinship         which ordinary order came from which conditional one, and under which client id
orders          submit, cancel, query, leverage
trades          fills and funding since a moment
snapshot        everything that exists, in one cut
gate            how the account must be set before the first order
market          contracts, candles, prices, funding rates, maintenance
market_frames   public streams
user_frames     the user stream
dialect         all of it behind the Dialect contract
"""

from bot.venues.binance.dialect import BinanceDialect as BinanceDialect
