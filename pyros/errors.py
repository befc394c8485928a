"""The error classes that carry a policy: retry, or refuse and explain.

Every error of PyROS derives from `PyrosError`. The class says what the caller may do about it; the
text is one line that names what failed, where, the value met and the remedy.
"""


class PyrosError(Exception):
    """Root of all errors that PyROS raises on purpose."""


class TransientError(PyrosError):
    """May succeed when tried again: retry with back-off, then escalate."""


class PermanentError(PyrosError):
    """Will not succeed when tried again: refuse and explain."""


class ConfigurationError(PermanentError):
    """A configuration file, key or value is wrong; the text names file, key, value and remedy."""
