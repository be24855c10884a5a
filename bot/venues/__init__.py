"""Venues: the contract every exchange fulfils, the pure fill model, the paper venue, drivers."""
