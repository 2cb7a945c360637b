"""A captioner: from latents to words, trained on the clips that have captions (DALL-E 3's recipe).

Commands  python -m vdit.main --config experiments/captioner.py --workdir runs/captioner \
              --config.autoencoder.dir=runs/demo/autoencoder
          python -m vdit.caption --workdir runs/captioner --out captions
Result    none at these 3000 steps yet; sweeps/captioner.py says what smaller ones have learnt.
"""

from ml_collections import ConfigDict

from experiments import demo
from experiments.args import parse


def get_config(arg: str | None = None) -> ConfigDict:
    """`arg`: size=NAME, videos=DIR (made by `vdit.prepare`, 9 frames of 32 pixels)."""
    chosen = parse(arg, size="w48d2", videos="")
    config = demo.get_config(f"size={chosen['size']},videos={chosen['videos']}")
    config.experiment = config.objective = config.model.attention = "captioner"
    config.data.epochs, config.data.world.labelled = 0, 1.0
    config.steps, config.batch, config.log_every, config.sample_every = 3000, 32, 50, 0
    config.optimizer.lr = 5e-3
    config.evaluators = ConfigDict({"captions": {}})
    config.evaluation.clips = 256
    return config
