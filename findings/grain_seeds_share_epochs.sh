#!/usr/bin/env bash
# grain 0.2.18.
#
# Expected: two runs that differ by their seed see the clips in unrelated orders, so that the spread
#           between seeds 0, 1 and 2 holds the luck of the order.
# Seen:     the order of epoch e is that of seed + e. Seed 1's first epoch is seed 0's second, its second
#           seed 0's third: of four epochs, neighbouring seeds share three, clip by clip, batch by
#           batch, one epoch apart. A window shuffle does the same with windows: window w of seed 0
#           and window w - 1 of seed 1 have one order within. Error bars from seeds 0, 1, 2 see less
#           than three draws of the order. Seeds that are hashes (NumPy's SeedSequence) share nothing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet grain==0.2.18 numpy==2.4.6
"$folder/env/bin/python" - <<'PYTHON'
import sys

import grain
import numpy as np

CLIPS, EPOCHS, WINDOW = 1000, 4, 100


def orders(seed):
    clips = grain.MapDataset.range(CLIPS).shuffle(seed=seed).repeat(EPOCHS)
    return np.array([clips[i] for i in range(CLIPS * EPOCHS)]).reshape(EPOCHS, CLIPS)


def windows(seed):
    clips = grain.experimental.WindowShuffleMapDataset(
        grain.MapDataset.range(CLIPS), window_size=WINDOW, seed=seed
    )
    return np.array([clips[i] for i in range(CLIPS)]).reshape(-1, WINDOW) % WINDOW


def shared(first, second):
    return sum(any(np.array_equal(a, b) for b in second) for a in first)


zero, one = orders(0), orders(1)
hashed = [orders(int(np.random.SeedSequence(seed).generate_state(1)[0])) for seed in (0, 1)]
print("seed 0, epoch 1 begins", zero[1, :8].tolist())
print("seed 1, epoch 0 begins", one[0, :8].tolist())
print(f"epochs of seed 0 that seed 1 has, too: {shared(zero, one)} of {EPOCHS}")
print(f"epochs that hashed seeds share: {shared(*hashed)} of {EPOCHS}")
print(f"window orders of seed 0 that seed 1 has, too: {shared(windows(0), windows(1))} of 10")
same = np.array_equal(zero[1:], one[:-1]) and np.array_equal(windows(0)[1:], windows(1)[:-1])
sys.exit(0 if same and shared(*hashed) == 0 else "changed: neighbouring seeds share no epochs")
PYTHON
