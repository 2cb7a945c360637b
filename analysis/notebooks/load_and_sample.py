# %% [markdown]
# # Load, sample, score
#
# A trained model is one object, and its folder stands alone. Here `runs/first` is yours: the run of
# the tutorial (`docs/tutorial.md`), or any other. The pictures that lie in this notebook are of a
# run of `sweeps/long_check.py` (96 wide, 4 layers, 4250 steps of 10 clips, learning rate 0.00784):
# the world of the long curve at 256 times its smallest budget.

# %%
import numpy as np
import pandas as pd
from IPython.display import Image

import vdit
from analysis.figures import animation

model = vdit.load("../../runs/first")
about = {"frames, height, width": model.video, "objective": model.objective.name}
pd.Series(about | {"width": model.config.width, "layers": model.config.depth})

# %% [markdown]
# ## Sample
#
# The same seed gives the same videos. They play.

# %%
captions = [
    "a large green square moves left",
    "a small yellow circle moves right",
    "a large red triangle moves up",
    "a large cyan circle falls",
]
videos = model.sample(captions, seed=0)
Image(animation.apng(videos, captions, model.fps))

# %% [markdown]
# Whether all words of a caption were in the training captions (cyan was not), and what else the
# sampler makes of the same noise:

# %%
[model.knows(caption) for caption in captions]

# %%
few = model.sample(captions[:1], seed=0, steps=2)
plain = model.sample(captions[:1], seed=0, guidance=1.0)
strong = model.sample(captions[:1], seed=0, guidance=8.0)
settings = ["2 steps", "no guidance", "guidance 8"]
Image(animation.apng(np.concatenate([few, plain, strong]), settings, model.fps))

# %% [markdown]
# ## Score
#
# The loss of clips at fixed timesteps and noises, so that models differ by the model alone. Of its
# own samples it says how typical the model finds them, not how good they are: for that there are
# evaluators (`docs/evaluation.md`).

# %%
losses = model.losses(videos, captions, seed=0)
pd.DataFrame({"caption": captions, "loss": losses})
