"""Weights, FLOPs and kept bytes of a model: python -m vdit.flops --size XL [--help]."""

from vdit import errors
from vdit.config.flops import main

if __name__ == "__main__":
    errors.run(main)
