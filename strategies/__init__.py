"""Strategies, one folder each, found by walking this folder in name order."""
