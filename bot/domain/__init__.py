"""Frozen nouns of the trade, standard library only: what every other room speaks about."""
