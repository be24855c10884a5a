"""Real exchanges through ccxt: what all of them share. What differs is a Dialect (bot/venues/binance, .../bybit).

dialect     the contract: how one exchange words what the port asks for
wire        what goes over the wire: asks with lane and weight, the access they are made with
client      ccxt's exchange objects, which classify nothing, keep no clock and hide no frame
budget      weight and orders in sliding windows; who goes first
gateway     the one way to the REST interface: ban, budget, clock, sending, classification
line        one connection: proof, silence, its end
supervise   tasks that are kept alive
streams     market sockets, watched prices, the user stream
candles     frames become complete bars, with repair by REST
quotes      current prices and funding rates
conditions  why entries rest, each told once
watchman    maintenance, clock, the account's settings, failures: looked at now and then
markets     what ccxt asks for by itself
venue       all of it as a Venue: `build_venue`
live_feed   real candles as a feed for the paper venue
generic     market data of any other exchange that ccxt streams from
"""
