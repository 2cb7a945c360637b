"""One training run.

  python -m vdit.main --config experiments/base.py:size=S --workdir runs/s [--config.steps=1000]

Trains, or goes on from the last checkpoint of the same config; measures; writes result.json last.
"""

import json
import sys
from typing import Any

from vdit import errors
from vdit.config import command_line
from vdit.runs import compile_cache


def parse_flags(argv: list[str]) -> tuple[Any, str]:
    """(config, workdir) from the command line; a wrong flag or key is an `InputError`."""
    config, values = command_line.parse(argv, __doc__, {"workdir": "Folder of the run."})
    return config, values["workdir"]


def main() -> int:
    """Trains the run that the command line asks for and prints what it came to."""
    config, workdir = parse_flags(sys.argv)
    compile_cache.use_for(workdir)
    from vdit.parallel import processes
    from vdit.training.resolve import resolve
    from vdit.training.run import run

    processes.join()
    row = run(resolve(config), workdir)
    if processes.is_first():
        print(json.dumps({k: row[k] for k in ("run_id", "loss", "loss_ema", "psnr") if k in row}))
    return 0


if __name__ == "__main__":
    errors.run(main)
