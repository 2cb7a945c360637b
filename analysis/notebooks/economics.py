# %% [markdown]
# # Training against inference
#
# When does using a video model cost more than making it? First a published estimate for Sora
# (Matthias Plappert, *Under The Hood: How OpenAI's Sora Model Works*, Factorial Funds, 2024-03),
# reproduced number by number; then the same for a model of one's own.

# %%
import pathlib

import pandas as pd
from IPython.display import Image, display

import analysis
from analysis import economics
from analysis.costs import tables
from analysis.figures import economics as figures
from analysis.figures import style
from analysis.table import reading

pd.options.display.float_format = "{:,.3g}".format
sora = economics.estimate()
print(tables.published(sora))

# %% [markdown]
# Two slips are shown there, not repeated: a sum, and DiT's multiply-accumulates taken for
# operations.
#
# ## In one picture
#
# Above, training (the band) against inference (the line): after one day of TikTok's uploads the
# model has cost more in use than in the making, by the lower estimate. In the middle, one minute of
# video against a thousand tokens. Below, what is uncertain.

# %%
display(Image(style.png(figures.picture(sora, style.LIGHT), style.LIGHT)))

# %% [markdown]
# ## What if?
#
# Every quantity can be changed, and all that follows changes with it. A sampler of 50 steps:

# %%
faster = economics.estimate({"steps": 50})
then = pd.DataFrame(faster.rows).set_index("name")["ours"]
now = pd.DataFrame(sora.rows).set_index("name")["ours"]
changed = pd.DataFrame({"as published": now, "50 steps": then, "times": then / now})
changed[changed["times"] != 1]

# %% [markdown]
# ## A model of one's own
#
# The largest run of the demo, sampled in 32 steps of Heun's method with guidance: four forward
# passes a step. For a run of yours: `python -m analysis.economics --run RUN/result.json`.

# %%
demo = pathlib.Path(analysis.__file__).parent / "results" / "demo"
run = reading.read_table(demo / "results.csv").sort_values("flops").iloc[-1].to_dict()
run["source"] = f"run {run['run_id']} of the demo"
sampling = {"steps": 32, "method": "heun", "guidance": 2.0}
mine = economics.own(run, {"data": {"num_frames": 9}, "sampling": sampling})
print(tables.own(mine), tables.uncertain(mine), sep="\n")

# %%
display(Image(style.png(figures.picture(mine, style.LIGHT), style.LIGHT)))
