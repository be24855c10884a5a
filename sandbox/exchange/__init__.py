"""A whole exchange on loopback: one venue-neutral core with ground truth, and protocols that speak for it.

nouns       orders, conditional orders, trades, incomes, legs: what exists at the exchange
news        what happens there, as a closed union; protocols turn it into frames
core        the contract of the core that protocols are written against
wire        requests, responses and sockets, free of any server: protocols answer them synchronously
"""
