"""Are the commands of these pages real? Each is parsed as its module would, and not run.

python -m tests.documented README.md docs/*.md
"""

import argparse
import contextlib
import io
import pathlib
import re
import runpy
import shlex
import sys
from collections.abc import Iterator

from vdit.config import command_line
from vdit.config.sizes import model_config_of

FENCED = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:python -m|make) [^`]+)`")


class Parsed(BaseException):
    """The command line is right."""


def commands(text: str) -> Iterator[list[str]]:
    """The words of every `python -m` and `make` of a page."""
    shown = [block for language, block in FENCED.findall(text) if language in ("", "sh")]
    blocks = [block.replace("\\\n", " ").splitlines() for block in shown]
    for line in [line for block in blocks for line in block] + INLINE.findall(text):
        words = shlex.split(line, comments=True)
        if words[:2] == ["python", "-m"] or words[:1] == ["make"]:
            yield words


def mistake(words: list[str]) -> str:
    """What is wrong with a command, or an empty text."""
    if words[0] == "make":
        rules = pathlib.Path("Makefile").read_text(encoding="utf-8")
        known = re.search(r"^\.PHONY: (.*)$", rules, re.MULTILINE)[1].split()
        return "" if words[1] in known else f"no target of the Makefile: {words[1]}"
    module, arguments = words[2], words[3:]
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            _parse(module, arguments)
        except Parsed:
            return ""
        except (Exception, SystemExit) as error:
            return f"{said.getvalue()}{error!r}"
    return "it parsed nothing"


def _parse(module: str, arguments: list[str]) -> None:
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__")


def main(pages: list[str]) -> int:
    """Prints what is wrong, and how many commands were looked at."""
    real, real_parse = argparse.ArgumentParser.parse_args, command_line.parse

    def parse_args(*args, **kwargs):
        real(*args, **kwargs)
        raise Parsed

    def parse(*args, **kwargs):
        config, _ = real_parse(*args, **kwargs)
        if "model" in config:
            config.data.embeddings = ""  # a folder that a page's reader has
            model_config_of(config)
        raise Parsed

    argparse.ArgumentParser.parse_args, command_line.parse = parse_args, parse
    found = [(page, words) for page in pages for words in commands(pathlib.Path(page).read_text())]
    wrong = [(page, words, why) for page, words in found if (why := mistake(words))]
    for page, words, why in wrong:
        print(f"{page}: {shlex.join(words)}\n    {why}")
    print(f"{len(found)} commands, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
