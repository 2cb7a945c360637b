#!/usr/bin/env bash
# From a folder of pictures and videos of any shape, few of them with captions, to a page.
#
#     ENCODER=path/to/t5 docs/examples/shapes/run.sh VIDEOS OUT
#
# From the repository's root. Captions of the few: as docs/your-videos.md says. A command that is
# done is over at once, and one that was killed goes on: start the script again.
set -euo pipefail
VIDEOS=${1:?folder of videos} OUT=${2:?folder to make}
: "${ENCODER:?folder of a T5, UMT5 or CLIP of transformers}"
HERE=$(dirname "$0")
FRAMES=${FRAMES:-9} SIZE=${SIZE:-32}  # of the shape that runs are sampled at, one of BUCKETS
BUCKETS=${BUCKETS:-$HERE/buckets.txt} # a picture is a clip of one frame: a bucket WxH@1 takes it
VALIDATION=${VALIDATION:-0.1}         # share held out; some of it has to have captions
PATCH=${PATCH:-4}                     # pixels; divides the sides of all buckets
CAPTIONER_STEPS=${CAPTIONER_STEPS:-3000}
MODEL=${MODEL:-w64d2}                 # the smaller of two sizes
STEPS=${STEPS:-500} BATCH=${BATCH:-8} # of the larger one at the smallest of three budgets
CLIPS=${CLIPS:-64}                    # sampled of each run for its scores
SETTINGS=${SETTINGS:-}                # more of their config: KEY=VALUE ..., no spaces in a VALUE

# The clips in their own shapes; those of videos cropped to one, too, for the captioner to learn of.
python -m vdit.prepare --videos "$VIDEOS" --out "$OUT/shapes" --validation "$VALIDATION" \
    --buckets "$BUCKETS"
python -m vdit.prepare --videos "$VIDEOS" --out "$OUT/square" --validation "$VALIDATION" \
    --frames "$FRAMES" --size "$SIZE"

# A captioner learns from the clips that have captions, and writes those of the others.
python -m vdit.main --config experiments/captioner.py:videos="$OUT/square" \
    --workdir "$OUT/captioner" --config.steps="$CAPTIONER_STEPS" --config.cache="$OUT/latents" \
    --config.autoencoder.name=identity --config.model.patch=1,"$PATCH","$PATCH" \
    --config.data.num_frames="$FRAMES" --config.data.height="$SIZE" --config.data.width="$SIZE"
python -m vdit.caption --workdir "$OUT/captioner" --data "$OUT/shapes" --out "$OUT/captions"

# All captions, given and written, as a text encoder embeds them.
arguments=shapes="$OUT/shapes",frames="$FRAMES",pixels="$SIZE",size="$MODEL"
python -m vdit.embed --config experiments/buckets.py:"$arguments" --encoder "$ENCODER" \
    --out "$OUT/embeddings" --config.data.captions="$OUT/captions"

# Two sizes at three budgets, distances of their videos as sets from real ones, and the page.
python -m sweeps.launch --sweep "$HERE/shapes.py:$arguments" --root "$OUT/sweep" --set \
    steps="$STEPS" batch="$BATCH" model.patch="(1, $PATCH, $PATCH)" evaluation.clips="$CLIPS" \
    data.captions="$OUT/captions" data.embeddings="$OUT/embeddings" $SETTINGS
python -m vdit.evaluate --root "$OUT/sweep" --only sets # beside what runs measure themselves
python -m analysis.collect --root "$OUT/sweep" --out "$OUT/sweep/results.csv"
python -m analysis.report "$OUT/sweep/results.csv" --out "$OUT/report.html"
