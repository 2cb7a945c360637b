"""Meshes, sharding, processes, and how much of a GPU's memory they may have.

JAX takes three quarters of it, read when its backend starts. Plans count on `USABLE`; a little
over the pool XLA gathers weights three times and makes every collective synchronous. So it is set
where all that asks for devices comes by, unless it is set already; on a CPU nobody reads it.
"""

import os
from collections.abc import MutableMapping

from vdit.config.devices import USABLE

FRACTION = ("XLA_CLIENT_MEM_FRACTION", "XLA_PYTHON_CLIENT_MEM_FRACTION")  # today's name, and before


def reserve(environ: MutableMapping[str, str]) -> None:
    """Asks for `USABLE` of each GPU, where no share was asked for."""
    if not any(name in environ for name in FRACTION):
        environ[FRACTION[0]] = str(USABLE)


reserve(os.environ)
