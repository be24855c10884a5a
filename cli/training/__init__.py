"""Training as a running house does it: whose turn it is, what a worker is asked, what becomes of what it writes."""
