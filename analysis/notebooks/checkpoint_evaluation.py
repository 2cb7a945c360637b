# %% [markdown]
# # Two checkpoints
#
# Which of two models makes the better videos, by which score, and is the difference told? All of it
# from two folders of runs that `python -m vdit.evaluate` has measured. Put your own in place of the
# demo's best runs at 1x and at 32x of compute.

# %%
import pathlib

import pandas as pd
from IPython.display import Image, display

import analysis
from analysis.figures import differences, scores, style
from analysis.scores import checkpoints, columns, curve
from analysis.table import reading

pd.options.display.float_format = "{:,.4g}".format
quality = pathlib.Path(analysis.__file__).parent / "results" / "quality"
first, second = (checkpoints.read(quality / "runs" / name) for name in ("1x", "32x"))
pd.DataFrame([first.row, second.row])[["run_id", "size", "params", "flops", "steps"]]

# %% [markdown]
# ## Score by score
#
# Errors are over clips (blocks of clips for distances between sets). The level of 95 % is shared
# among all scores. What two seeds of one config differ by is in no error here: two runs do not tell
# it, a sweep does (below).

# %%
found, left_out = checkpoints.compare(first, second)
told = pd.DataFrame([vars(d) | {"better": d.better} for d in found])
told["score"] = told["name"].map(columns.labels(list(told["name"])))
told[["score", "first", "second", "difference", "interval", "better"]]

# %%
drawn = differences.differences(found, style.LIGHT, style.WIDE)
display(Image(style.png(drawn, style.LIGHT)))

# %% [markdown]
# ## The same scores over a sweep
#
# With seeds in the error: which improve to the end, which saturate, which say nothing, and how many
# clips of each of two runs would tell twice the compute apart.

# %%
table = reading.read_table(quality / "results.csv")
fit = analysis.fit(table, law="frontier")
curves = curve.curves(table[table["annealed"]], fit)
labels = columns.labels([one.name for one in curves])
pd.DataFrame(
    [
        {
            "score": labels[one.name],
            "first": one.points[0].value,
            "last": one.points[-1].value,
            "reads": one.reads,
            "clips for 2x": one.clips_for_double,
        }
        for one in curves
    ]
)

# %%
display(Image(style.png(scores.scores(curves, fit, style.LIGHT, style.WIDE), style.LIGHT)))
