# %% [markdown]
# # The scaling curve
#
# Does more compute give better video, by what law, and how far can that law be trusted? All of it
# from one table of runs, a row per trained model. Put your own `results.csv` in place of the
# demo's.

# %%
import pathlib

import pandas as pd
from IPython.display import Image, display

import analysis
from analysis.figures import methods, scaling, sizes, style
from analysis.frontier import selection
from analysis.frontier.prediction import Prediction
from analysis.table import reading
from analysis.verdict import rule
from vdit.runs import files

pd.options.display.float_format = "{:,.4g}".format
demo = pathlib.Path(analysis.__file__).parent / "results" / "demo"
table = reading.read_table(demo / "results.csv")
prediction = Prediction.from_json(files.read_json(demo / "prediction.json", "a prediction"))
table.groupby("flops_budget")[["params", "loss_ema"]].agg(["count", "min", "max"])

# %% [markdown]
# ## Fit
#
# One call fits every law that the table allows. A fit returns a status, not only numbers: what the
# data do not identify is named.

# %%
fit = analysis.fit(table, law="frontier")
laws = fit.laws.items()
words = {name: {"status": law.status.words, **law.parameters} for name, law in laws}
pd.DataFrame.from_dict(words, orient="index")

# %% [markdown]
# ## Loss against compute
#
# A faint dot is a trained model, a solid one the lowest loss that a budget can buy. The orange
# diamond was written down before any run of the largest budget had started.

# %%
rows, notes = selection.select(table, fit.columns["loss"], fit.columns["params"])
judged = rule.judge(rows, fit, prediction)
drawn = scaling.scaling(rows, fit, style.LIGHT, style.WIDE, judged.evidence.prediction)
display(Image(style.png(drawn, style.LIGHT)))

# %% [markdown]
# ## Where the frontier comes from
#
# At each budget, small models learn too little and large ones see too few clips. The minimum of
# each curve is the best that its budget buys.

# %%
display(Image(style.png(sizes.isoflop(rows, fit, style.LIGHT, style.WIDE), style.LIGHT)))

# %% [markdown]
# ## Which law to trust
#
# Not by how well it fits, but by what it predicts: every method is fitted to the first budgets and
# asked for the ones that follow.

# %%
display(Image(style.png(methods.methods(rows, fit, style.LIGHT, style.WIDE), style.LIGHT)))

# %% [markdown]
# ## Verdict
#
# By a rule fixed before the data (`analysis/verdict/rule.py`).

# %%
print(judged.sentence)
