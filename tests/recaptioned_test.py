"""Written captions as a table, and as a name among a run's results."""

import pytest

from tests.captioner_test import config
from tests.text_encoders import Counting, asked
from vdit.config import mixture
from vdit.data import recaptioned
from vdit.data.embeddings import encoder, writing
from vdit.data.sources import open_source
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


def test_written_captions_are_embedded(tmp_path, monkeypatch):
    monkeypatch.setattr(encoder, "load", lambda *_: Counting())
    made, out = asked(tmp_path, **{"data.train_clips": 8, "data.epochs": 0}), tmp_path / "written"
    rows = [recaptioned.Row(i, "", "word " * (i % 7), "written") for i in range(8)]
    out.mkdir()
    recaptioned.write(out / "captions.csv", rows)
    about = {"clips_of": open_source(made.data, "train").fingerprint, "clips": 8}
    about |= {"fingerprint": recaptioned.fingerprint_of(out / "captions.csv")}
    write_json(out / "captions.json", about)
    made.data.captions = str(out)
    writing.embed(made, "nowhere", tmp_path / "stored")
    made.data.embeddings = str(tmp_path / "stored")
    source = open_source(made.data, "train")
    tokens = [source.embeddings.encode(source[i]["caption"]).any(-1).sum() for i in range(8)]
    assert tokens == [1, 2, 3, 4, 5, 6, 7, 1]


@pytest.mark.parametrize("more", [{"data.name": "video_folder"}, {"data.world": None}])
def test_labelled_is_named_of_the_embedded_world_alone(tmp_path, more):
    made = config(tmp_path).copy_and_resolve_references()
    for key, value in more.items():
        made.data[key.removeprefix("data.")] = value
    assert mixture.variant_of(made) == "captioner"
