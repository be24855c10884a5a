"""Backtests: the very engine and fill model of trading over candles that were, in a process of their own."""
