#!/usr/bin/env bash
# jax 0.10.2 (CPU), one process; the same of every process of a larger job.
#
# Expected: a handler that a program set for SIGTERM with `signal.signal` is called when SIGTERM
#           comes: it is how a cluster says that a job is to save and end. `jax.distributed.initialize`
#           takes addresses and numbers, and says nothing of signals.
# Seen:     `initialize` sets a handler of its own beneath Python (its preemption service, on by
#           default). Python's is never called again, although `signal.getsignal` still names it, and
#           SIGTERM does not end the process either: a training loop that saves on SIGTERM on one host
#           trains on, on several, until it is killed. With `jax_enable_preemption_service` off the
#           program's handler is called. SIGINT and SIGHUP are left alone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet jax==0.10.2
cat > "$folder/handled.py" <<'PYTHON'
import os
import signal
import socket
import sys
import time

import jax

jax.config.update("jax_enable_preemption_service", sys.argv[1] == "on")
seen = []


def handler(number, frame):
    seen.append(signal.Signals(number).name)


for number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, handler)
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
jax.distributed.initialize(f"127.0.0.1:{port}", 1, 0)
for number in (signal.SIGTERM, signal.SIGHUP):
    os.kill(os.getpid(), number)
    time.sleep(1)
named = signal.getsignal(signal.SIGTERM) is handler
print(f"service {sys.argv[1]}: handled {seen}; getsignal names the program's handler: {named}")
PYTHON
for service in on off; do
    JAX_PLATFORMS=cpu "$folder/env/bin/python" "$folder/handled.py" "$service" 2> /dev/null
done | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN' || { echo "changed: see the lines above"; exit 1; }
service on: handled ['SIGHUP']; getsignal names the program's handler: True
service off: handled ['SIGTERM', 'SIGHUP']; getsignal names the program's handler: True
SEEN
