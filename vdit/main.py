"""One training run.

  python -m vdit.main --config experiments/base.py:size=S --workdir runs/s [--config.steps=1000]

Trains, or goes on from the last checkpoint of the same config; measures; writes result.json last.
"""

import json
import sys
from typing import Any

from vdit import errors
from vdit.errors import InputError
from vdit.runs import compile_cache


def parse_flags(argv: list[str]) -> tuple[Any, str]:
    """(config, workdir) from the command line; a wrong flag or key is an `InputError`."""
    from absl import flags
    from ml_collections import config_flags

    values = flags.FlagValues()
    config_flags.DEFINE_config_file(
        "config",
        None,
        "Config file and its argument, e.g. experiments/base.py:size=S; single "
        "keys by --config.KEY=VALUE.",
        flag_values=values,
    )
    flags.DEFINE_string("workdir", None, "Folder of the run.", flag_values=values)
    flags.DEFINE_boolean("help", False, "This text.", short_name="h", flag_values=values)
    _check_given_once(argv)
    try:
        rest = values(argv)
        config = (
            values["config"].value.copy_and_resolve_references()
            if values["config"].present
            else None
        )
    except (KeyError, AttributeError) as error:
        key = str(error.args[0]).strip("'\"")
        raise InputError(f"unknown config key {key}; experiments/base.py lists them") from error
    except (flags.Error, TypeError, ValueError, OSError) as error:
        # What a config file raises arrives inside a printed traceback: its last line is the point.
        raise InputError(str(error).rsplit("InputError: ")[-1]) from error
    if values.help:
        print(__doc__ + "\n" + values.main_module_help())
        sys.exit(0)
    for name in ("config", "workdir"):
        if values[name].value is None:
            raise InputError(f"--{name} is missing; see --help")
    if rest[1:]:
        raise InputError(f"{rest[1]!r}: expected --config and --workdir only; see --help")
    return config, values["workdir"].value


def _check_given_once(argv: list[str]) -> None:
    """Of a flag that is given twice the first would be dropped without a word."""
    names = [word.lstrip("-").partition("=")[0] for word in argv[1:] if word.startswith("-")]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"--{name} is given twice")


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
