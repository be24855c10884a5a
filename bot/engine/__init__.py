"""The pure machine: one event in, a list of actions out; holds all trading state, opens nothing, reads no clock."""
