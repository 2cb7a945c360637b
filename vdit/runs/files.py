"""Files that appear whole or not at all, on the disk before they do; readers that name damage.

The standard library alone: all rooms use it.
"""

import contextlib
import errno
import json
import math
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from vdit.errors import InputError

Check = Callable[[dict[str, Any]], None]
NUMBER = (int, float)


class DamagedFileError(InputError):
    """A file that is there and is not what was written; the line names it."""


@contextlib.contextmanager
def whole_file(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """A path beside `path` to write to; it takes the place of `path` when the block ends well.

    It has the same ending, for writers that choose a format by it. The folder is made. The content
    is on the disk before the name is, so that no crash leaves an empty file under it.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        with _named(path):
            yield part
            sync(part)
        os.replace(part, path)
        sync(path.parent)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def _named(path: str | os.PathLike) -> Iterator[None]:
    """A full disk is told without the file's name to who has it open; here, with it."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = os.fspath(path)
        raise


def sync(path: str | os.PathLike) -> None:
    """Waits until a file's content, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:  # some network filesystems do not sync folders
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Writes bytes: a reader sees the old file or the whole new one."""
    with whole_file(path) as part:
        part.write_bytes(data)


def write_text(path: str | os.PathLike, text: str) -> None:
    """The same of text, in UTF-8."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: str | os.PathLike, value: Any) -> None:
    """The same of JSON; a number that is not finite becomes null, for JSON has none."""
    write_text(path, json.dumps(_plain(value), indent=1, allow_nan=False) + "\n")


def read_json(path: str | os.PathLike, what: str, check: Check | None = None) -> dict[str, Any]:
    """Reads a JSON object. `InputError` where there is no such file, `DamagedFileError` where it is
    not that, or `check` raises `ValueError`; both name the file, and `what` was expected in it."""
    if (found := find_json(path, what, check)) is None:
        raise InputError(f"{path}: no such file, expected {what}")
    return found


def find_json(
    path: str | os.PathLike, what: str, check: Check | None = None
) -> dict[str, Any] | None:
    """The same; None where there is no file."""
    try:
        with open(path, "rb") as file:
            found = parsed(file.read())
        if check:
            check(found)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError as error:
        raise DamagedFileError(f"{path}: damaged ({error}), expected {what}") from error
    return found


def require(found: Any, kinds: Mapping[str, type | tuple[type, ...]]) -> None:
    """`ValueError` unless it is an object in which each of these keys holds a value of its kind."""
    if not isinstance(found, dict):
        raise ValueError(f"{found!r:.40} where an object belongs")
    for key, kind in kinds.items():
        if not isinstance(value := found.get(key), kind):
            raise ValueError(f"{key} is {value!r:.40}" if key in found else f"no {key}")


def set_aside(path: str | os.PathLike) -> None:
    """Renames a damaged file to NAME.damaged: it can be looked at, and readers find none."""
    os.replace(path, f"{path}.damaged")


def user_cache(name: str) -> pathlib.Path | None:
    """A folder of vdit's in the user's cache folder, made; None where nothing can be written."""
    of_user = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    folder = pathlib.Path(of_user, "vdit", name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


class JsonLines:
    """A file of JSON objects, one a line, that lines are appended to and flushed one by one.

    Every line begins on a fresh one: what a full disk or a kill has torn stays a line of its own.
    """

    def __init__(self, path: str | os.PathLike):
        self._file = open(path, "ab+", buffering=0)  # noqa: SIM115, `close` closes it
        self._is_torn = self.size > 0 and os.pread(self._file.fileno(), 1, self.size - 1) != b"\n"

    @property
    def size(self) -> int:
        """Bytes there are."""
        return os.fstat(self._file.fileno()).st_size

    def write(self, row: Mapping[str, Any]) -> None:
        """Appends a line."""
        line = (json.dumps(_plain(row), allow_nan=False) + "\n").encode()
        line, self._is_torn = b"\n" * self._is_torn + line, True
        with _named(self._file.name):
            if self._file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._is_torn = False

    def close(self) -> None:
        self._file.close()


class Lines(NamedTuple):
    """The rows of a file of JSON lines, and the numbers (from 1) of the lines that are damaged."""

    rows: list[dict[str, Any]]
    damaged: list[int]


def read_json_lines(path: str | os.PathLike) -> Lines:
    """What `JsonLines` wrote, without a last line that is still being written; none, no file."""
    try:
        lines = pathlib.Path(path).read_bytes().split(b"\n")[:-1]
    except (FileNotFoundError, NotADirectoryError):
        return Lines([], [])
    rows, damaged = [], []
    for number, line in enumerate(lines, 1):
        try:
            rows.append(parsed(line)) if line else None
        except ValueError:
            damaged.append(number)
    return Lines(rows, damaged)


def parsed(data: bytes) -> dict[str, Any]:
    """`ValueError` for all but a JSON object of finite numbers (UnicodeDecodeError is one)."""
    value = _DECODER.decode(data.decode("utf-8"))
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} in it")


_DECODER = json.JSONDecoder(parse_constant=_refused)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
