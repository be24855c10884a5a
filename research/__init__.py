"""What is learned from the past: candle files, backtests, sweeps and reports."""
