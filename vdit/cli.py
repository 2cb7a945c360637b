"""The edge between a command and its user: one clear line for bad input, a traceback for bugs."""

import sys
from collections.abc import Callable

from vdit.errors import InputError


def run(main: Callable[[], int | None]) -> None:
    """Runs a command; `InputError` becomes `error: ...` on stderr and exit status 2."""
    try:
        sys.exit(main())
    except InputError as error:
        line = " ".join(str(error).split())
        print(f"error: {line}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
