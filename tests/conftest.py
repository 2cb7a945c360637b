"""Most of the suite's time is XLA's compiler: all tests share what it has made, and ask for little.

Set before JAX is imported, and inherited by the processes that tests start. The compiler's lowest
level and its older emitter of loops make slower code of the same operations; tests that are to see
what users get delete XLA_FLAGS (`vdit.parallel.compiler.compiler_options` reads it). A flag that
XLA does not know ends the process, so the version is asked: jaxlib 0.11.1 has no older emitter.
"""

import functools
import gc
import os
import shutil
import signal
import socket
import sys
import tempfile

import pytest
from jaxlib.version import __version_info__ as JAXLIB

from tests.faults.record import record

# A shell ignores Ctrl-C for what it starts in the background, and so would all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # under nohup: handled, it is not inherited
    signal.signal(signal.SIGHUP, lambda *_: None)

# Hundreds of processes import the same modules: their bytecode is kept, whatever the shell says.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

gc.set_threshold(10_000, 20, 20)  # imports and traces make much, and little of it is garbage

LONGEST = "versions_test.py", "wan_test.py"
CACHE, FLAGS = "JAX_COMPILATION_CACHE_DIR", "XLA_FLAGS"


def pytest_configure(config):
    """Programs are kept for the next session on this machine; `pytest --cache-clear` drops them."""
    if CACHE in os.environ:  # workers of one session inherit that of the first process
        return
    kept = getattr(config, "cache", None)  # none under -p no:cacheprovider
    name = f"xla-{socket.gethostname()}"
    os.environ[CACHE] = folder = str(kept.mkdir(name)) if kept else tempfile.mkdtemp(prefix=name)
    if not kept:
        config.add_cleanup(functools.partial(shutil.rmtree, folder, ignore_errors=True))
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    # One device in every process, whose programs others find in the cache (`vdit.parallel.cores`).
    quick = ["--xla_backend_optimization_level=0", "--xla_force_host_platform_device_count=1"]
    quick += ["--xla_cpu_use_fusion_emitters=false"] * (JAXLIB < (0, 11, 1))
    os.environ[FLAGS] = " ".join([os.environ.get(FLAGS, ""), *quick])


def pytest_collection_modifyitems(items):
    """Files begin in their order, but the last long ones first: one core has none left alone."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


def pytest_collection_finish(session):
    """Modules stay: who looks for garbage needs not walk through them."""
    gc.collect()
    gc.freeze()


def pytest_addoption(parser):
    parser.addoption("--faults", action="store_true", help="tests/faults with their long counts")
    parser.addoption("--faults_table", metavar="FILE", help="CSV to add what they find to")


@pytest.fixture
def times(request):
    """times(short, long): how often a fault is injected."""
    return lambda short, long: long if request.config.getoption("--faults") else short


@pytest.fixture
def fault(request):
    """fault(row, what was done, n, what happened): a row of the table of faults."""
    command = f"python -m pytest {request.node.nodeid} --faults"
    path = request.config.getoption("--faults_table")
    return lambda *cells: record(path, *cells, command)
