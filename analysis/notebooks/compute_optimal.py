# %% [markdown]
# # Compute-optimal planning
#
# What to train with a given compute, what it costs, and what a wrong size costs. From the demo's
# table; put your own `results.csv` in its place.

# %%
import pathlib

import pandas as pd
from IPython.display import Image, display

import analysis
from analysis import plan
from analysis.figures import planning, sizes, style
from analysis.planning import words
from analysis.table import reading

pd.options.display.float_format = "{:,.3g}".format
demo = pathlib.Path(analysis.__file__).parent / "results" / "demo"
table = reading.read_table(demo / "results.csv")
fit = analysis.fit(table, law="frontier")
budgets = pd.DataFrame(fit.budgets).set_index("flops")
budgets[["size", "loss", "estimator"]]

# %% [markdown]
# ## The best size of each budget
#
# The minima of the curves of equal compute, and the power law through them.

# %%
display(Image(style.png(sizes.best_size(fit, style.LIGHT, style.WIDE), style.LIGHT)))

# %% [markdown]
# ## A plan
#
# For four times the largest compute of the sweep. The interval says how far the fit can be trusted
# if the law holds; that it holds so far, nothing measured here can show.

# %%
flops = 4 * table["flops_budget"].max()
planned = plan.plan(fit, flops, rows=table, price=2.5)
print(*words.lines(planned), sep="\n")

# %%
display(Image(style.png(planning.plan(fit, planned, style.LIGHT), style.LIGHT)))

# %% [markdown]
# ## The other way round: a target loss
#
# The least compute that reaches it, which is where intervals grow fast.

# %%
target = plan.plan(fit, loss=0.58, rows=table, price=2.5)
print(*words.lines(target)[:8], sep="\n")
