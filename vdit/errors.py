"""The one kind of error that is the user's to mend; all others are bugs and keep a traceback."""


class InputError(ValueError):
    """Bad input. The message is one line: it names the thing and says what was expected."""
