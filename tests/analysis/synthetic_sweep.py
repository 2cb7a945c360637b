"""A sweep's root with a planted law and no training: run folders as `vdit.main` leaves them."""

import functools
import json

import numpy as np

E, A, B, ALPHA, BETA = 0.30, 9.0, 40.0, 0.34, 0.36
FLOPS_PER_ND = 6.0
SMALLEST = 2e11
OFFSETS = (0.30, 0.6, 1.15, 2.2, 4.2)
SCORES = {"objects_agree": 1, "permanence": 1, "acceleration": -1}
TRIPLES = 400


@functools.cache
def optimum(flops):
    """Compute-optimal size and loss of the planted law, from its definition by a fine search."""
    n = np.geomspace(1e2, 1e9, 200_001)
    loss = planted_loss(n, flops)
    return float(n[loss.argmin()]), float(loss.min())


def planted_loss(n, flops):
    """E + A N^-alpha + B D^-beta with D = flops / 6N."""
    return E + A * n**-ALPHA + B * (flops / (FLOPS_PER_ND * n)) ** -BETA


def make_rows(budgets=6, noise=0.002, seed=0, seeds_at=2, gain=1.0, **extra):
    """Result dicts of a sweep: `budgets` a factor 2 apart, five sizes each, one cell thrice."""
    rng = np.random.default_rng(seed)
    rows = []
    for index in range(budgets):
        flops = SMALLEST * 2**index
        best = optimum(flops)[0]
        for cell, offset in enumerate(OFFSETS):
            for copy in range(3 if (index, cell) == (seeds_at, 2) else 1):
                n = round(best * offset)
                loss = float(gain * planted_loss(n, flops) * np.exp(noise * rng.standard_normal()))
                rows.append(_row(index, cell, copy, n, flops, loss) | extra)
    return rows


def _row(index, cell, copy, n, flops, loss):
    tokens = flops / (FLOPS_PER_ND * n)
    steps = max(100, round(tokens / (16 * 192)))
    row = {
        "run_id": f"{index:02x}{cell:02x}{copy:02x}abcdef",
        "sweep": "demo",
        "experiment": "demo",
        "dataset": "worlds",
        "autoencoder": "causal-4x2",
        "objective": "flow",
        "validation": "triples-1",
        "seed": copy,
        "size": f"w{16 * (cell + 2 + index)}",
        "params": n,
        "width": 16 * (cell + 2 + index),
        "depth": 4,
        "tokens": tokens,
        "clips": tokens / 192,
        "unique_clips": 20000,
        "epochs": tokens / 192 / 20000,
        "steps": steps,
        "batch": 16,
        "lr": 2e-3,
        "lr_final": 0.0,
        "annealed": True,
        "flops": flops * 1.001,
        "flops_budget": flops,
        "loss": loss * 1.004,
        "loss_se": 0.006,
        "loss_ema": loss,
        "loss_ema_se": 0.006,
        "loss_train": loss * 0.995,
        "wall_s": 10.0 * 2**index,
        "step_s": 0.01,
        "data_wait": 0.006,
        "psnr": 30.4,
        "device": "cpu",
        "started": 1_700_000_000.0 + 1000 * index + 10 * cell,
        "finished": 1_700_000_009.0 + 1000 * index + 10 * cell,
    }
    for tenth in range(10):
        row[f"loss_ema_t{tenth:02d}"] = loss * (1.9 - 1.6 * np.sin(np.pi * (tenth + 0.5) / 10))
    return row


def before_the_end(row, share):
    """The row of the same run's checkpoint at `share` of its steps, its rate still high."""
    part = {name: share * row[name] for name in ("tokens", "clips", "epochs", "flops")}
    loss = 1.08 * row["loss_ema"] * share**-0.1
    part |= {"steps": round(share * row["steps"]), "annealed": False, "lr_final": row["lr"]}
    return row | part | {"loss": loss * 1.004, "loss_ema": loss}


def with_checkpoints(rows, shares=(0.25, 0.5, 0.95)):
    """Each row behind those of its run's earlier checkpoints."""
    return [made for row in rows for made in (*(before_the_end(row, s) for s in shares), row)]


def records_of(row):
    """What evaluators record of a checkpoint: {evaluator: [record]}, as in evaluations/STEP.json.

    Losses, scores with upper bounds (real and coded clips), a position error beside a still clip.
    """
    losses = [
        {"name": name, "value": row[name], "se": row[f"{name}_se"], "n": TRIPLES}
        for name in ("loss", "loss_ema")
    ]
    found, worlds = scores_of(row), []
    for name, sign in SCORES.items():
        against = [f"{name}_real", f"{name}_coded"]
        told = {"n": 64, "lower_is_better": sign < 0}
        worlds.append(
            {"name": name, "value": found[name], "se": 0.04, "compared_with": against} | told
        )
        worlds += [{"name": other, "value": found[other], "se": None} | told for other in against]
    moved = {"value": 9 * row["loss_ema"], "se": 0.1, "n": 64, "lower_is_better": True}
    continuation = [
        {"name": "extend_position", "compared_with": ["extend_position_still"]} | moved,
        {"name": "extend_position_still", "compared_with": []} | moved | {"value": 7.0},
    ]
    return {"losses": losses, "worlds": worlds, "continuation": continuation}


def write_evaluation(folder, row, drop=()):
    """Write evaluations/STEP.json: the checkpoint's row, but for what is measured, and records."""
    found = records_of(row)
    measured = {f"{record['name']}{end}" for record in found["losses"] for end in ("", "_se")}
    made = {name: {"options": {}, "records": r} for name, r in found.items() if name not in drop}
    whole = {
        "step": row["steps"],
        "row": {k: v for k, v in row.items() if k not in measured},
        "evaluators": made,
    }
    path = folder / "evaluations" / f"{row['steps']}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(whole))


def scores_of(row):
    """An evaluation.json: scores that improve with falling loss, with errors and upper bounds."""
    quality = float(np.clip((0.75 - row["loss_ema"]) / 0.4, 0, 1))
    scores = {"step": row["steps"]}
    for name, sign in SCORES.items():
        scores[name] = quality if sign > 0 else 1.2 - quality
        scores[f"{name}_se"] = 0.04
        scores[f"{name}_real"] = 0.99 if sign > 0 else 0.02
        scores[f"{name}_coded"] = 0.93 if sign > 0 else 0.1
    return scores


def write_root(root, rows, videos=False):
    """Write run folders below `root`: results, scores, paired losses and, if asked, videos."""
    rng = np.random.default_rng(1)
    t = (np.arange(TRIPLES) + 0.5) / TRIPLES
    common = 0.2 * rng.standard_normal(TRIPLES)
    for row in rows:
        folder = root / "runs" / row["run_id"]
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
        (folder / "result.json").write_text(json.dumps(row))
        (folder / "evaluation.json").write_text(json.dumps(scores_of(row)))
        own = 0.02 * rng.standard_normal(TRIPLES)
        loss = row["loss_ema"] * (1 + common + own - (common + own).mean())
        np.savez(folder / "losses.npz", t=t, loss=loss, loss_ema=loss)
        if videos:
            _write_videos(folder / "samples", row, rng)
    coder = root / "autoencoder"
    coder.mkdir(parents=True)
    (coder / "config.json").write_text("{}")
    (coder / "result.json").write_text(json.dumps({"objective": "autoencoder", "psnr": 30.4}))
    return root


def _write_videos(folder, row, rng):
    folder.mkdir()
    captions = [f"a small red circle moves left, number {i}" for i in range(3)]
    (folder / "samples.json").write_text(json.dumps({"captions": captions}))
    blur = float(np.clip((row["loss_ema"] - 0.3) * 300, 0, 90))
    for index in range(len(captions)):
        for name, spread in (("final", blur), ("real", 0.0)):
            save_webp(folder / f"{name}_{index:02d}.webp", index, spread, rng)


def save_webp(path, index, spread, rng, frames=9, side=32):
    """A red square moving right on grey, with noise of `spread` levels."""
    from PIL import Image

    video = np.full((frames, side, side, 3), 60.0)
    for frame in range(frames):
        video[frame, 8 + 4 * index : 16 + 4 * index, 2 * frame : 2 * frame + 8] = (220, 50, 40)
    video += spread * rng.standard_normal(video.shape)
    images = [Image.fromarray(f) for f in video.clip(0, 255).astype(np.uint8)]
    images[0].save(path, save_all=True, append_images=images[1:], duration=120, loop=0)
