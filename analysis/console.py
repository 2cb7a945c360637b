"""The edge where a user's mistake becomes one line on stderr and exit status 2."""

import sys

from analysis.table.schema import TableError


def run(main, argv=None):
    """Call `main(argv)` and exit; a TableError ends as `error: <line>` with status 2."""
    try:
        main(sys.argv[1:] if argv is None else argv)
    except TableError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
