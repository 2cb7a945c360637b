"""Fit scaling laws to a results table; reads that table and nothing else.

    python -m analysis.fit results.csv --law frontier --out fit.json

Nothing imports this module: `analysis.fit` is the function of the same name, and an import would
put this module in its place.
"""

from analysis.fitting import command
from vdit import errors

if __name__ == "__main__":
    errors.run(command.main)
