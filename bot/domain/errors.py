"""The few exceptions of the pure part. Expected failures are values; these mean a broken invariant or bad input.

QuarterdeckError
├── ConfigError      what a person wrote in a file or an environment variable cannot be used
├── InvariantError   the books contradict themselves: entries stop, protection goes on, the operator is told
└── StorageError     the database cannot be used (locked, full, newer than the code, lost)
"""


class QuarterdeckError(Exception):
    """Root of all our exceptions; the message is one clear line fit for an operator."""


class ConfigError(QuarterdeckError):
    """Something a person configured cannot be used; the message says what, where and what is allowed."""


class InvariantError(QuarterdeckError):
    """The books contradict themselves; the message names the invariant and the figures."""


class StorageError(QuarterdeckError):
    """The database cannot be used; the message says what to do."""
