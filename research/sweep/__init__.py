"""Many parameter sets of one strategy: tried, ranked, and doubted."""
