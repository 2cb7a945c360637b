"""Weights, FLOPs and saved bytes of a model, as JSON.

    python -m vdit.flops --size XL --patch 1,2,2 --latent 1,32,32,4 --classes 1000 --learn_sigma

DiT and Latte as published have `--positions sincos --no_qk_norm` too.
"""

import json

from vdit import errors
from vdit.config import flops, model_flags
from vdit.config.activations import activation_bytes
from vdit.config.model_config import ModelConfig


def report(c: ModelConfig) -> dict[str, float]:
    """Weights, then cost and saved bytes for one clip."""
    counts = flops.count_params(c)
    return {
        "params": counts["params"],
        "params_total": counts["params_total"],
        "gmacs": flops.gmacs(c),
        "flops_forward": flops.forward_flops(c),
        "flops_training": flops.training_flops(c),
        "activation_bytes": activation_bytes(c),
    }


def main() -> int:
    """Counts the model that the command line asks for."""
    parser = errors.parser("vdit.flops", __doc__)
    model_flags.add(parser)
    print(json.dumps(report(model_flags.asked(parser.parse_args())), indent=2))
    return 0


if __name__ == "__main__":
    errors.run(main)
