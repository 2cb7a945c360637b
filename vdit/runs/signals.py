"""SIGTERM, SIGINT and SIGHUP end a process in order: at once, or after a training step is saved.

The first of them raises `Stopped` where the main thread is, so that nothing half-written stays;
within a `Deferral` that has begun it is only taken down. A second one ends the process at once.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Stopped(SystemExit):
    """A signal ended the process: its exit status is 128 + the signal's number, as in a shell."""

    def __init__(self, number: int):
        super().__init__(128 + number)
        self.name = signal.Signals(number).name


class Deferral:
    """Within, once it has begun, a signal waits until its owner sees that it was `asked`."""

    def __init__(self) -> None:
        self._has_begun = False

    def __enter__(self) -> "Deferral":
        _deferrals.append(self)
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        _deferrals.remove(self)
        if kind is None and self.asked:  # it came too late to be looked at
            stop()

    def begin(self) -> None:
        """From here on signals wait."""
        self._has_begun = True

    @property
    def asked(self) -> bool:
        """Whether a signal has come."""
        return bool(_received)

    @property
    def holds(self) -> bool:
        """Whether a signal that comes now waits."""
        return self._has_begun


_received: list[int] = []
_deferrals: list[Deferral] = []


@contextlib.contextmanager
def handled() -> Iterator[None]:
    """Within, the three signals are handled so; in a thread that is not the main one, as before."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # An ignored signal stays ignored: that is what nohup does.
    taken = [n for n in SIGNALS if signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _handle) for number in taken}
    try:
        yield
    finally:
        _received.clear()
        for number, handler in before.items():
            signal.signal(number, handler)


def stop() -> None:
    """Raises `Stopped` for the signal that has come; without one, for SIGTERM: another process of
    this run was told to end."""
    raise Stopped(_received[0] if _received else signal.SIGTERM)


def _handle(number: int, frame: FrameType | None) -> None:
    for each in SIGNALS:
        if signal.getsignal(each) is _handle:
            signal.signal(each, signal.SIG_DFL)
    _received.append(number)
    if not any(deferral.holds for deferral in _deferrals):
        raise Stopped(number)
