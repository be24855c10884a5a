"""Real exchanges through ccxt: what all of them share. What differs is a Dialect (bot/venues/binance, .../bybit).

dialect     the contract: how one exchange words what the port asks for
wire        what goes over the wire: asks with lane and weight, the access they are made with
"""
