"""Weighted indicator score on 15-minute candles."""
