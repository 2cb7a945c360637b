"""What `vdit.export` says of a folder of diffusers: how it is used, and what it does not hold."""

from vdit.exporters.expected import is_latte
from vdit.generator import Generator


def notes(model: Generator) -> list[str]:
    """Lines."""
    how = model.sampling
    lines = [
        f"{_call(model)}, guidance_scale={how.guidance.scale:g}, num_inference_steps={how.steps})"
    ]
    if is_latte(model.config):
        lines.append(_embeddings(model))
    if not is_latte(model.config) and any("," in name for name in model.vocabulary.words):
        lines.append("NAME has ; for each comma of a class name: diffusers splits names at commas")
    if (how.method, model.objective.spacing) != ("ddim", "trailing"):
        lines.append(
            "its scheduler is DDIM at trailing timesteps, of a number of steps that divides "
            f"{model.objective.timesteps}: samples are those of this run with sampling.method=ddim "
            "and ddpm.spacing=trailing"
        )
    if not how.guidance.always or how.guidance.rescale:
        lines.append("sampling.interval and sampling.rescale are left out: diffusers has neither")
    return lines


def _call(model: Generator) -> str:
    if not is_latte(model.config):
        return "diffusers.DiTPipeline.from_pretrained(FOLDER): pipe(pipe.get_label_ids([NAME])"
    frames, height, width = model.video
    return (
        "diffusers.LattePipeline.from_pretrained(FOLDER): pipe(prompt_embeds=E, negative_prompt="
        f"None, negative_prompt_embeds=N, video_length={frames}, height={height}, width={width}"
    )


def _embeddings(model: Generator) -> str:
    """Captions are not in the folder: what stands for one, and for none."""
    c = model.config
    if c.text_features:
        none = 'those of ""' if model.null else "zeros"
        return f"E are embeddings (B, {c.text_length}, {c.text_features}) as in training, N {none}"
    return (
        f"E is torch.eye({c.vocabulary})[vdit.load(RUN).tokens(captions)], N the same of "
        f"{c.text_length} zeros a caption"
    )
