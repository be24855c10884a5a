"""Risk: one rule per file, sizing, kill switches; a rule answers Passed or Refused with figures."""
