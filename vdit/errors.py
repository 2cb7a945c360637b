"""The one kind of error that is the user's to mend; everything else is a bug and keeps its traceback."""


class InputError(ValueError):
    """Bad input. The message is one line: it names the thing and says what was expected."""
