"""Kinds of model files: each file here loads one from bytes. None of them is ever a pickle: a pickle runs code."""
