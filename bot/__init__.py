"""The trading engine and its runtime; imports none of the folders above it."""
