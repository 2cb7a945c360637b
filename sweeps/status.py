"""Where the runs of a sweep stand: python -m sweeps.status --root runs/demo."""

from sweeps.launcher.status import main
from vdit import errors

if __name__ == "__main__":
    errors.run(main)
