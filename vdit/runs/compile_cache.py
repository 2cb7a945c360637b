"""Where compiled programs are kept, so that the same command compiles once. No JAX here."""

import os
import pathlib

from vdit.runs.files import user_cache

FOLDER = "compile_cache"
VARIABLE = "JAX_COMPILATION_CACHE_DIR"


def use(folder: pathlib.Path) -> None:
    """Keeps all programs in `folder`, however small; before JAX is imported."""
    os.environ[VARIABLE] = str(folder.resolve())
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"


def use_for(run: str | pathlib.Path) -> None:
    """Keeps them where the run's sweep does, else in the user's cache folder.

    Does nothing where JAX_COMPILATION_CACHE_DIR says where, or where nothing can be written.
    """
    if VARIABLE in os.environ:
        return
    of_sweep = pathlib.Path(run).resolve().parent.parent / FOLDER
    folder = of_sweep if os.access(of_sweep, os.W_OK) else user_cache(FOLDER)
    if folder is not None:
        use(folder)
