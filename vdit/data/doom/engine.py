"""ViZDoom's engine: a process that holds one WAD file, and shows what an action leads to."""

import atexit
import functools
import os
import pathlib
import signal
import tempfile
import threading
import types
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from vdit.errors import InputError
from vdit.runs.signals import SIGNALS

# No monsters; the console's cheats move the player; nodes of all maps are kept on the disk, as to
# find them takes most of the time of a map's beginning; no text over the picture; light that
# reaches far (8 is usual), for a dark picture is no test of a model.
ARGUMENTS = "-nomonsters +sv_cheats 1 +gl_cachetime 0 +cl_showsecretmessage 0 +r_visibility 64"
BUTTONS = ("MOVE_FORWARD_BACKWARD_DELTA", "MOVE_LEFT_RIGHT_DELTA", "TURN_LEFT_RIGHT_DELTA")
VARIABLES = ("POSITION_X", "POSITION_Y", "ANGLE")
UNSEEN = ("hud", "weapon", "crosshair", "messages", "screen_flashes", "decals", "particles")
SEED = 1  # of what flickers
FROZEN = 10  # tics after a map's beginning in which the player cannot move


class Frame(NamedTuple):
    """What is seen: RGB, and depth in steps of about 7 map units, the sky's 63; from (x, y) in map
    units, at an angle in degrees, counter-clockwise from east."""

    screen_HWC: np.ndarray
    depth_HW: np.ndarray
    pose: np.ndarray


def import_vizdoom() -> types.ModuleType:
    """ViZDoom; `InputError` that names the extra where it is not installed."""
    try:
        import vizdoom
    except ModuleNotFoundError as error:
        raise InputError(
            "data.name 'doom': vizdoom is not installed here; pip install 'vdit[doom]'"
        ) from error
    return vizdoom


@functools.cache
def engine_of(wad: str) -> "Engine":
    """The engine of a WAD file: one for a process, which all sources share."""
    return Engine(wad)


class Engine:
    """Holds nothing over: what is seen follows from the map and what was done since `begin`.

    One thread at a time uses it: who has taken `lock`.
    """

    def __init__(self, wad: str):
        vizdoom = import_vizdoom()
        self.lock, self._folder = threading.Lock(), tempfile.TemporaryDirectory(prefix="vdit-doom-")
        self._game = game = vizdoom.DoomGame()
        game.set_doom_game_path(os.path.join(vizdoom.root_path, wad))
        game.set_vizdoom_path(_launcher(pathlib.Path(self._folder.name), vizdoom.exe_path))
        game.set_screen_resolution(vizdoom.ScreenResolution.RES_160X120)
        game.set_screen_format(vizdoom.ScreenFormat.RGB24)
        game.set_depth_buffer_enabled(True)
        for name in UNSEEN:
            getattr(game, f"set_render_{name}")(False)
        game.set_window_visible(False)
        game.set_available_buttons([getattr(vizdoom.Button, name) for name in BUTTONS])
        game.set_available_game_variables([getattr(vizdoom.GameVariable, v) for v in VARIABLES])
        game.set_episode_timeout(0)
        game.add_game_args(ARGUMENTS)
        self._start()

    def _start(self) -> None:
        """The engine inherits that signals are blocked: those of the terminal are for us, who may
        have a step to save, and end it."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            self._game.init()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        atexit.register(self._close)

    def _close(self) -> None:
        """The engine first, which writes its settings into the folder."""
        self._game.close()
        self._folder.cleanup()

    def begin(self, name: str) -> None:
        """A map as it is at its beginning; no damage is taken."""
        self._game.set_doom_map(name)
        self._game.set_seed(SEED)  # of this episode: else it goes on from the one before
        self._game.new_episode()
        self.command("god")
        self._game.make_action([0, 0, 0], FROZEN)

    def command(self, text: str) -> None:
        """A line of the console; it is done in the next tic."""
        self._game.send_game_command(text)

    @property
    def has_ended(self) -> bool:
        """Whether the map's exit was walked through."""
        return self._game.is_episode_finished()

    def walk(
        self, place: Sequence[int], angle: float, actions: np.ndarray, tics: int, before: int
    ) -> Iterator[Frame]:
        """A walk that begins at a place, turned by an angle in degrees, as long as the map lasts.

        Row t of `actions` (T, 3) leads to frame t in so many `tics`, row 0 in `before` tics.
        """
        self.command(f"warp {place[0]} {place[1]}")
        self._game.make_action([0, 0, angle], 1)
        for t, action in enumerate(actions):
            self._game.make_action(action.tolist(), tics if t else before)
            state = self._game.get_state()
            if state is None:
                return
            yield Frame(state.screen_buffer, state.depth_buffer, state.game_variables)


def _launcher(folder: pathlib.Path, engine: str) -> str:
    """A script that starts the engine in a folder of its own: it writes to where it stands."""
    path = folder / "vizdoom"
    path.write_text(f'#!/bin/sh\ncd "{folder}" && exec "{engine}" "$@"\n')
    path.chmod(0o700)
    return str(path)
