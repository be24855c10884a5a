"""Shells around a simulated exchange: a server on loopback, a session without sockets, faults, a control endpoint."""
