"""Candle files: Parquet and CSV as people have them, read strictly, every repair written down."""

from research.history.feed import HistoryFeed
from research.history.read import read_candles
from research.history.report import CandleFileError, Gap, History, HistoryReport

__all__ = ["CandleFileError", "Gap", "History", "HistoryFeed", "HistoryReport", "read_candles"]
