"""Long work for the running desk, each in a process of its own: backtests, sweeps, the weekly report."""
