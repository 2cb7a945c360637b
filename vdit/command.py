"""The parser of a command line: its help is the docstring of the command, as that stands."""

import argparse


def parser(prog: str, doc: str) -> argparse.ArgumentParser:
    """Of `python -m PROG`, whose module has this docstring."""
    how = argparse.RawDescriptionHelpFormatter
    return argparse.ArgumentParser(f"python -m {prog}", description=doc, formatter_class=how)
