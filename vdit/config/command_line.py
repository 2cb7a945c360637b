"""Command lines that take a config: `--config FILE:ARGUMENT`, `--config.KEY=VALUE`, named texts."""

import sys
from collections.abc import Mapping
from typing import Any

from vdit.errors import InputError


def parse(
    argv: list[str], doc: str, texts: Mapping[str, str], optional: Mapping[str, str] | None = None
) -> tuple[Any, dict[str, str | None]]:
    """(config, values of the texts); `texts` and `optional` say of each name what it is.

    A wrong flag or key, and one that is missing, is an `InputError`. `--help` prints `doc`, ends.
    """
    from absl import flags

    texts, optional = dict(texts), dict(optional or {})
    values = _defined(texts | optional)
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
        # absl heads them with the name of the module that defined them, which is this one.
        print(doc + "\n" + values.module_help(__name__).partition(":\n")[2])
        sys.exit(0)
    for name in ("config", *texts):
        if values[name].value is None:
            raise InputError(f"--{name} is missing; see --help")
    if rest[1:]:
        known = [f"--{name}" for name in ("config", *texts, *optional)]
        asked = f"{', '.join(known[:-1])} and {known[-1]} only"
        raise InputError(f"{rest[1]!r}: expected {asked}; see --help")
    return config, {name: values[name].value for name in texts | optional}


def _defined(texts: Mapping[str, str]) -> Any:
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
    for name, about in texts.items():
        flags.DEFINE_string(name, None, about, flag_values=values)
    flags.DEFINE_boolean("help", False, "This text.", short_name="h", flag_values=values)
    return values


def _check_given_once(argv: list[str]) -> None:
    """Of a flag that is given twice the first would be dropped without a word."""
    names = [word.lstrip("-").partition("=")[0] for word in argv[1:] if word.startswith("-")]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"--{name} is given twice")
