"""The weekly report: what was traded, what the backtest says, what should be changed; every failing step is named."""
