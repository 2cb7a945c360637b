"""Errors that are the user's to mend, the one edge where they become a line, and its parsers."""

import argparse
import contextlib
import errno
import os
import re
import select
import signal
import sys
from collections.abc import Callable

from vdit.runs import signals

# What a disk refuses, in the words that libraries put into errors of kinds of their own; the last
# two are TFDS's and SQLite's.
NUMBERS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EIO)
REFUSALS = (*map(os.strerror, NUMBERS), "Not enough disk space", "database or disk is full")
# The file in such an error of TensorStore's, and of ArrayRecord's.
NAMED = re.compile(r'file "(?P<quoted>[^"]+)"|writing (?P<bare>[^;]+);')


class InputError(ValueError):
    """Bad input. The message is one line: it names the thing and says what was expected."""


class DivergedError(RuntimeError):
    """A loss or gradient that is not finite; names the step. Its checkpoint is never written."""


def parser(prog: str, doc: str) -> argparse.ArgumentParser:
    """Of `python -m PROG`, whose help is this docstring, as it stands."""
    how = argparse.RawDescriptionHelpFormatter
    return argparse.ArgumentParser(f"python -m {prog}", description=doc, formatter_class=how)


def run(main: Callable[[], int | None]) -> None:
    """Runs a command. Bad input, and what the system refuses, become `error: ...` on stderr
    and exit status 2; a run that diverged the same and 3.

    A signal to end becomes one line and 128 + its number, and a reader of the output that has gone,
    as `head` does, no line and 141. All other errors are bugs and keep their traceback.
    """
    try:
        with signals.handled():
            status = main()
            sys.stdout.flush()  # refused here, it has a line; as Python ends, none that says why
            sys.exit(status)
    except signals.Stopped as stopped:
        print(f"stopped by {stopped.name}", file=sys.stderr)
        raise
    except (InputError, DivergedError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(3 if isinstance(error, DivergedError) else 2)
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _reader_is_gone():
            sys.exit(128 + signal.SIGPIPE)
        if (line := refused(error)) is None:
            raise
        print(f"error: {line}", file=sys.stderr)
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        sys.stderr.flush()
        os._exit(2)  # a way out on which TensorStore's other writes would print their tracebacks
    finally:
        if _reader_is_gone():  # what is left has nowhere to go, which Python would say as it ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _reader_is_gone():
    """Whether stdout is a pipe that nobody reads any more."""
    poll = select.poll()
    try:
        poll.register(sys.stdout.fileno(), 0)
    except OSError:  # not a file, as in a notebook
        return False
    return bool(poll.poll(0))


def refused(error: Exception) -> str | None:
    """Which file the system refused, and why, in a line; None of other errors."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    for refusal in REFUSALS:
        if refusal in str(error):
            found = NAMED.search(str(error))
            return f"{found['quoted'] or found['bare']}: {refusal}" if found else refusal
    return None
