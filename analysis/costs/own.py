"""The same chain for a model of one's own, from what its training run left behind."""

import pathlib
from typing import Any

from analysis.costs.chain import Quantity as Q
from analysis.costs.chain import Spread
from vdit.config.devices import Device
from vdit.errors import InputError
from vdit.runs.files import read_json

RESULT, CONFIG = "the run", "the run's config"
DEFAULT = "a default, not of the run; change it by --set"
PASSES = {"heun": 2}  # forward passes in one sampler step; every other sampler makes one


def read(path: str | pathlib.Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """(result.json of a finished run, config.json beside it or {}) as dicts."""
    result = read_json(path, "result.json of a finished run")
    beside = pathlib.Path(path).with_name("config.json")
    config = read_json(beside, "the run's config") if beside.exists() else {}
    return result | {"source": str(path)}, config


def chain_of(result: dict[str, Any], config: dict[str, Any], device: Device) -> tuple[Q, ...]:
    """The chain of a finished run, in true FLOPs.

    `result` has `flops` and `clips`, as result.json and the rows of a results table do; `config`
    says frames, sampler and guidance, {} for defaults; `device` is a `vdit.config.devices.Device`.
    """
    for column in ("flops", "clips"):
        value = result.get(column)
        if not (isinstance(value, int | float) and 0 < value < float("inf")):
            where = result.get("source", "the run")
            raise InputError(f"{where}: no {column!r} above 0, expected those of a video run")
    return training(result) + sampling(config) + serving(device)


def training(result: dict[str, Any]) -> tuple[Q, ...]:
    """What the run itself says."""
    return (
        Q("train", result["flops"], "FLOP", "training compute", RESULT),
        Q("clips", result["clips"], "", "clips trained on", RESULT),
        Q("forward", "train / (3 * clips)", "FLOP", "forward pass of one clip",
          "the backward pass costs twice the forward"),
    )  # fmt: skip


def sampling(config: dict[str, Any]) -> tuple[Q, ...]:
    """From one forward pass to a minute of video. Text and latent decoders are not counted."""
    chosen, data = config.get("sampling", {}), config.get("data", {})
    method, guidance = chosen.get("method", "euler"), chosen.get("guidance", 2.0)
    source = CONFIG if chosen else DEFAULT
    steps = chosen.get("steps", 50)
    return (
        Q("frames", data.get("num_frames", 9), "", "frames of a clip",
          CONFIG if data else DEFAULT),
        Q("fps", 8, "1/s", "frames a second", DEFAULT),
        Q("sampler_steps", steps, "", "sampler steps", source,
          spread=Spread("log-uniform", steps / 2, steps * 2)),
        Q("step_passes", PASSES.get(method, 1), "", f"passes of one step ({method})", source),
        Q("guidance_passes", 1 if guidance == 1 else 2, "", "with and without the caption",
          f"{source}, 2207.12598"),
        Q("clip", "forward * sampler_steps * step_passes * guidance_passes", "FLOP", "one clip"),
        Q("second", "clip * fps / frames", "FLOP", "one second of video"),
        Q("minute", "second * 60", "FLOP", "one minute of video"),
        Q("break_even_clips", "train / clip", "clips", "break-even"),
        Q("break_even", "train / minute", "minutes", "break-even"),
    )  # fmt: skip


def serving(device: Device) -> tuple[Q, ...]:
    """Hours, prices and devices."""
    return (
        Q("peak", device.peak, "FLOP/s", f"{device.title}, dense bf16", device.source),
        Q("mfu_training", 0.4, "", "share of the peak, training", "PaLM 0.46, 2204.02311",
          spread=Spread("log-normal", 0.25, 0.64)),
        Q("mfu_inference", 0.4, "", "share of the peak, inference", DEFAULT,
          spread=Spread("log-normal", 0.2, 0.8)),
        Q("price", 2.5, "USD", "price of a device-hour", DEFAULT,
          spread=Spread("log-normal", 1.25, 5)),
        Q("train_hours", "train / (peak * mfu_training * 3600)", "hours", "training on one device"),
        Q("train_cost", "train_hours * price", "USD", "price of the training"),
        Q("minutes_per_hour", "peak * mfu_inference * 3600 / minute", "minutes",
          "video of a device-hour"),
        Q("minute_cost", "price / minutes_per_hour", "USD", "price of a minute of video"),
        Q("demand", 1e6, "minutes", "kept video a day", DEFAULT,
          spread=Spread("log-uniform", 1e5, 1e7)),
        Q("candidates", 2, "x", "videos made for one kept", DEFAULT,
          spread=Spread("log-uniform", 1, 4)),
        Q("peak_demand", 2, "x", "busiest time over mean", DEFAULT,
          spread=Spread("log-normal", 4 / 3, 3)),
        Q("break_even_days", "break_even / (demand * candidates)", "days", "break-even"),
        Q("devices", "demand * candidates * peak_demand / (minutes_per_hour * 24)", "",
          "devices at the busiest time"),
    )  # fmt: skip
