"""Bybit v5, linear USDT perpetuals of a unified account: translation only, between our port's words and Bybit's.

dialect      the face: fulfils bot/venues/ccxt_venue/dialect.py
errors       what an answer means: our table over (HTTP status, retCode) by kind of call, and codes the engine knows
reading      fields of rows that may hold anything
words        Bybit's words for orders, fills, positions
paging       lists that come in pages
slots        which of our orders a position's stop or target stands for
orders       submit, cancel, query
account      everything that exists, as one consistent snapshot
news         frames of the user stream
market       candles, prices, funding, maintenance; frames of the market streams
instruments  contracts with brackets, fees, funding intervals
gate         how the account has to be set before the first order
access       addresses and settings of the client
"""

from bot.venues.bybit.dialect import BybitDialect as BybitDialect
