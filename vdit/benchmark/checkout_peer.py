"""The step of another checkout of vdit, as its own `vdit.bench` has it: the peer in a pair.

    PYTHONPATH=DIR python -P vdit/benchmark/checkout_peer.py '{"size": "w20d2", "batch": 8, ...}'

It answers as `torch_peer` does. What it imports is the other checkout's.
"""

import contextlib
import json
import sys

from vdit.benchmark import cases
from vdit.benchmark.step import Step


def main() -> None:
    """Answers a number of steps with the seconds that they took, line by line."""
    asked = json.loads(sys.argv[1])
    with contextlib.suppress(ImportError):  # before cores were devices
        from vdit.parallel import cores

        cores.become_devices()
    lists = {k: tuple(v) if isinstance(v, list) else v for k, v in asked.items()}
    step = Step(cases.demo(lists.pop("size"), **lists))
    print(step.compile_s, flush=True)
    for line in sys.stdin:
        print(step.run(int(line)), flush=True)


if __name__ == "__main__":
    main()
