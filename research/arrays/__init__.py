"""Compiled array code: a symbol's history at one go. Numba compiles it once and keeps it on disk."""
