#!/usr/bin/env bash
# vizdoom 1.3.2, Linux.
#
# Expected: with `set_render_hud(False)` and `set_render_messages(False)` (the default: "in-game
#           messages ... will be rendered") the screen buffer is the world and nothing else.
# Seen:     who steps into a secret sector has "A SECRET IS REVEALED!" across the middle of the screen
#           for seconds, in large yellow letters. `+cl_showsecretmessage 0` among the game's arguments
#           takes it away; no function does, and no documented setting. At 32 pixels it is a yellow
#           line across many clips of a data set, which a model learns to draw.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet vizdoom==1.3.2
cat > "$folder/secret.py" <<'PYTHON'
import os
import sys

import vizdoom

SECRET = (472, -1344)  # a thing of MAP01, in a secret sector


def screen(*arguments):
    game = vizdoom.DoomGame()
    game.set_doom_game_path(os.path.join(vizdoom.root_path, "freedoom2.wad"))
    game.set_doom_map("MAP01")
    game.set_screen_format(vizdoom.ScreenFormat.RGB24)
    game.set_render_hud(False)
    game.set_render_messages(False)
    game.set_window_visible(False)
    game.set_seed(1)
    game.add_game_args(" ".join(("-nomonsters +sv_cheats 1", *arguments)))
    game.init()
    game.send_game_command("warp {} {}".format(*SECRET))
    game.make_action([], 4)
    seen = game.get_state().screen_buffer.copy()
    game.close()
    return seen


asked, without = screen(), screen("+cl_showsecretmessage 0")
rows = (asked != without).any(axis=(1, 2)).nonzero()[0]
print("messages are off; rows of the screen with text:", rows)
again = (screen("+cl_showsecretmessage 0") != without).any()
print("without the text two screens differ:", bool(again))
sys.exit(0 if len(rows) and not again else "changed: no text over the screen")
PYTHON
cd "$folder"
"$folder/env/bin/python" secret.py
