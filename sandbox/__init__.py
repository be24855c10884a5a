"""Emulators on loopback and a generated market: everything the desk needs to be tried without an account."""
