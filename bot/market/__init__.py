"""What the market did: candle buffers, indicator columns, and the signals that strategies draw from them."""
