"""The candle store: history as Parquet files in the home, one per symbol and timeframe, behind one loader."""
