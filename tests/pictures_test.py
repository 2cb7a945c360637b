"""Pictures of a folder beside videos: prepared, coded alone, trained on, and what does not fit."""

import numpy as np
import pytest
from PIL import Image

from tests.tiny import config
from vdit.config.fingerprint import fingerprint
from vdit.data import cache, latents
from vdit.data.sources import open_images
from vdit.errors import InputError
from vdit.training.diffusion_task import DiffusionTask
from vdit.training.resolve import resolve
from vdit.training.run import run

HALF = {"data.image_share": 0.5, "model.depth": 1, "model.width": 16, "validation.triples": 20}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Twelve photographs of one colour each, prepared; its file's name is the colour's caption."""
    from vdit import prepare

    root = tmp_path_factory.mktemp("pictures")
    (root / "in").mkdir()
    for i in range(12):
        path = root / "in" / f"p{i:02d}.{('png', 'jpg')[i % 2]}"
        Image.new("RGB", (24, 20), (20 * i, 0, 0)).save(path, quality=95)
        path.with_suffix(".txt").write_text(f"number {i}")
    asked = ["--videos", str(root / "in"), "--out", str(root / "out"), "--frames", "1"]
    prepare.main([*asked, "--size", "16"])
    return str(root / "out")


def test_pictures_of_a_folder_are_trained_on_beside_clips(tmp_path, pictures):
    made = resolve(config(tmp_path, **(HALF | {"steps": 6, "data.images": pictures})))
    row = run(made, str(tmp_path / "run"))
    assert (row["clips"], row["images"]) == (3 * 8, 3 * 8 * 3)  # six times over all twelve
    assert row["variant"].endswith(f"-pictures-{made.data.images_fingerprint[:6]}-0.5")
    task = DiffusionTask(made)
    pictures = task.beside[0].records
    rows = pictures.rows(np.arange(len(pictures)))
    assert rows["latent"].shape[1:] == (1, 16, 16, 3)
    source = open_images(made.data)
    meta = cache.read_meta(latents.prepare(made))
    for i, latent in enumerate(rows["latent"]):
        raw = cache.statistics(meta).denormalise(latent)
        seen = np.rint((raw[0] + 1) * 127.5)
        np.testing.assert_allclose(seen, source[i]["video"][0], atol=1)
    frames = resolve(config(tmp_path, **(HALF | {"steps": 2})))
    assert fingerprint(frames) != fingerprint(made)
    elsewhere = made.copy_and_resolve_references()
    elsewhere.data.images = "moved"
    assert fingerprint(elsewhere) == fingerprint(made)


def test_pictures_that_do_not_fit_are_refused_in_a_line(tmp_path, pictures):
    given = HALF | {"data.images": pictures}
    for changes, line in (
        ({"data.image_share": 0.0}, "with data.image_share=0: expected a share above 0"),
        ({"data.width": 24}, r"data.images .*: windows of 1x16x16 .*, the config asks 1x16x24"),
        ({"data.images": str(tmp_path)}, "data.images .*: no prepared folder"),
    ):
        with pytest.raises(InputError, match=line):
            resolve(config(tmp_path, **(given | changes)))
    made = resolve(config(tmp_path, **given))
    made.data.images_fingerprint = "another"
    with pytest.raises(InputError, match=r"data.images_fingerprint=another: .* by now"):
        latents.prepare(made)
