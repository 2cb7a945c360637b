"""vdit: a laboratory for one claim, that more compute gives better video.

    import vdit
    model = vdit.load("runs/demo/runs/ba3cc9549718")
    videos = model.sample(["a small red circle moves left"], seed=0)  # uint8 (B, T, H, W, 3)

JAX is imported by the first call, not by `import vdit`.
"""

import pathlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vdit.generator import Generator

__all__ = ["build", "load"]


def load(
    folder: str | pathlib.Path,
    step: int | None = None,
    weights: str = "ema",
    verify: bool = True,
) -> "Generator":
    """The trained model of a run folder, or of one that `Generator.save` wrote.

    `step` names a checkpoint (default: the end of training, else the newest whole one); `weights`
    are the averaged (ema) or the raw ones (params). Digests of all that is read are checked, unless
    `verify` is False. Needs neither the run's data nor its caches. Raises `vdit.errors.InputError`
    where there is no model, or none of that step, or it is damaged.
    """
    from vdit import generator
    from vdit.runs.folder import find

    def older(folder: pathlib.Path) -> "Generator":
        from vdit.training.untrained import of_run  # the trainer, which others do without

        return of_run(folder)

    return generator.load(find(folder), older, step, weights, verify)


def build(config: Any, seed: int = 0) -> "Generator":
    """An untrained model for a run's config, as those of `experiments/` are: fresh weights, with
    the statistics and the vocabulary of its data, whose latents are cached first if need be."""
    from vdit.training.untrained import build as built

    return built(config, seed)
