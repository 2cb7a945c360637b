"""Runs per hour in each mode: python -m sweeps.speed --root runs/speed --out speed.csv."""

from sweeps.launcher.speed import main
from vdit import errors

if __name__ == "__main__":
    errors.run(main)
