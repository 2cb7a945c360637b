#!/usr/bin/env bash
# grain 0.2.18.
#
# Expected: `mix(sets, weights=[.5, .5])` gives half of each set, whatever was done to the sets before.
# Seen:     of a MapDataset that was filtered the elements that were dropped count: where a filter keeps
#           one image in four (those with a caption, say), a half of images becomes a fifth, without a
#           word, and twice as many positions as elements come. The same sets, filtered and mixed as
#           IterDatasets, are half and half. So a mixture's shares change with how its data are cleaned,
#           and with them what a run is compared by.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet grain==0.2.18
cd "$folder"
"$folder/env/bin/python" -W error - <<'PYTHON'
import itertools
import sys

import grain

clips = grain.MapDataset.range(1000)
images = grain.MapDataset.range(1000, 2000)
captioned = images.filter(lambda i: i % 4 == 0)
half = [0.5, 0.5]


def share(mixture):
    """Of images among the first 400 elements."""
    elements = list(itertools.islice(mixture, 400))
    return sum(i >= 1000 for i in elements) / len(elements)


shares = {
    "nothing filtered": share(grain.MapDataset.mix([clips, images], half)),
    "filtered, mixed": share(grain.MapDataset.mix([clips, captioned], half)),
    "the same, read as an iterator": share(
        grain.MapDataset.mix([clips, captioned], half).to_iter_dataset()
    ),
    "filtered, mixed as iterators": share(
        grain.IterDataset.mix([clips.to_iter_dataset(), captioned.to_iter_dataset()], half)
    ),
}
for what, value in shares.items():
    print(f"images, of weights half and half, {what}: {value:.3f}")
mixture = grain.MapDataset.mix([clips, captioned], half)
print("positions and elements of the mixture:", len(mixture), len(list(mixture)))
as_said = [round(value, 2) for value in shares.values()] == [0.5, 0.2, 0.2, 0.5]
sys.exit(0 if as_said else "changed: a mixture keeps its weights where a set was filtered before")
PYTHON
