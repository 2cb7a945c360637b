"""Launches a sweep: python -m sweeps.launch --sweep sweeps/demo.py --root runs/demo."""

from sweeps.launcher.launch import main
from vdit import errors

if __name__ == "__main__":
    errors.run(main)
