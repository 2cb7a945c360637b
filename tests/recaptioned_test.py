"""Written captions as a table, and as a name among a run's results."""

import pytest

from tests.captioner_test import config
from vdit.config import mixture
from vdit.data import recaptioned
from vdit.errors import InputError
from vdit.runs.files import write_json


def test_a_table_holds_any_text_and_rows_in_order(tmp_path):
    texts = ["a\rb", 'c "d", e', "f\r\ng\nh", ""]
    made = [recaptioned.Row(i, "", text, "given") for i, text in enumerate(texts)]

    def written(rows):
        recaptioned.write(tmp_path / "captions.csv", rows)
        name = recaptioned.fingerprint_of(tmp_path / "captions.csv")
        about = {"clips_of": "x", "clips": 4, "fingerprint": name}
        write_json(tmp_path / "captions.json", about)
        return recaptioned.read(tmp_path, "x")[0]

    assert written(made) == texts
    for rows in (made[:3], made[::-1], [*made, made[0]]):
        with pytest.raises(InputError, match=r"captions\.csv: expected a row for each clip"):
            written(rows)


@pytest.mark.parametrize("more", [{"data.name": "video_folder"}, {"data.world": None}])
def test_labelled_is_named_of_the_embedded_world_alone(tmp_path, more):
    made = config(tmp_path).copy_and_resolve_references()
    for key, value in more.items():
        made.data[key.removeprefix("data.")] = value
    assert mixture.variant_of(made) == "captioner"
