"""The one kind of error that is the user's to mend, and the one edge where it becomes a line."""

import sys
from collections.abc import Callable

from vdit.runs import signals


class InputError(ValueError):
    """Bad input. The message is one line: it names the thing and says what was expected."""


def run(main: Callable[[], int | None]) -> None:
    """Runs a command; `InputError` becomes `error: ...` on stderr and exit status 2.

    A signal to end becomes one line and 128 + its number. All other errors are bugs and keep their
    traceback.
    """
    try:
        with signals.handled():
            sys.exit(main())
    except InputError as error:
        line = " ".join(str(error).split())
        print(f"error: {line}", file=sys.stderr)
        sys.exit(2)
    except signals.Stopped as stopped:
        print(f"stopped by {stopped.name}", file=sys.stderr)
        raise
