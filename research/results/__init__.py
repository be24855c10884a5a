"""What a backtest was asked, what came of it, and what follows from that: figures, checks, files, pages."""
