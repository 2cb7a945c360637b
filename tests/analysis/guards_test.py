"""What may mislead a fit is said: the direction of a metric, an objective, sizes at an edge."""

import pytest

import analysis
from analysis import predict, variants
from analysis.fitting.result import Fit
from tests.analysis.foreign_tables import rows_of, runs, said, same, written
from vdit.errors import InputError

pytestmark = pytest.mark.usefixtures("kept_outlooks")  # of one table, whatever is asked of it


@pytest.mark.parametrize("name", ["accuracy", "VBench", "score"])
def test_a_loss_that_rises_is_asked_for_its_direction(name):
    table = runs().assign(**{name: 1 - runs()["loss"] / 10}).drop(columns="loss")
    with pytest.raises(
        InputError, match=f"{name} rises with compute .*--higher_is_better"
    ) as error:
        rows_of(table, given={"loss": name})
    assert "\n" not in str(error.value)
    found = rows_of(table, given={"loss": name}, higher_is_better=True)
    assert same(found, runs().assign(loss=runs()["loss"] / 10))
    assert f"the loss is 1 - {name}, which is better when higher" in found.notes
    assert same(
        rows_of(table, given={"loss": name}, higher_is_better=False), table.assign(loss=table[name])
    )


def test_what_is_no_share_can_not_be_turned_and_a_loss_is_never_asked():
    table = runs().assign(psnr=40 - runs()["loss"])
    with pytest.raises(InputError, match="psnr is better when higher and no share from 0 to 1"):
        rows_of(table, given={"loss": "psnr"}, higher_is_better=True)
    worse = table.assign(val_loss=table["psnr"])  # a loss that rises is a result
    assert len(rows_of(worse, given={"loss": "val_loss"}).fitted) == 28


def test_a_metric_is_told_from_its_records_its_name_or_the_flag_and_else_said():
    table = runs().assign(fvd=100 * runs()["loss"], psnr=40 - runs()["loss"])

    def fit(metric, table=table, **options):
        return analysis.fit(table, "metric", metric=metric, bootstrap=0, **options).to_json()

    found = fit("fvd")
    assert "fvd goes up with the loss: taken to be better when lower" in "\n".join(found["notes"])
    told = [
        fit("psnr"),
        fit("fvd", higher_is_better=False),
        fit("fvd", table.assign(fvd_lower_is_better=True)),
    ]
    for known in told:
        assert known["status"]["word"] == "converged"
        assert not any("taken to be" in note for note in known["notes"])
    wrong = fit("fvd", higher_is_better=True)
    assert wrong["status"]["words"].startswith("not identified: the metric goes up with the loss")


@pytest.mark.parametrize(
    ("law", "uses"),
    [("isoflop", False), ("frontier", False), ("envelope", False), ("chinchilla", True)],
)
def test_an_objective_is_never_ignored_without_a_word(law, uses):
    table = runs().assign(flops_budget=runs()["flops"])
    fit = analysis.fit(table, law, objective="lad", bootstrap=0).to_json()
    assert (f"{law} is fitted by" in "\n".join(fit["notes"])) is not uses
    assert uses == (fit["objective"]["name"] == "lad")
    default = analysis.fit(table, law, bootstrap=0).to_json()
    assert not any("--objective" in note for note in default["notes"])


@pytest.mark.parametrize("law", ["chinchilla", "gamma", "kaplan", "envelope", "isoflop"])
@pytest.mark.parametrize(("role", "value"), [("params", 1e8), ("tokens", 1e10)])
def test_one_size_or_one_token_count_is_refused_by_every_law_of_both(law, role, value):
    table = runs().assign(**{role: value}).drop(columns="flops")
    table["flops_budget"] = 6 * table["params"] * table["tokens"]
    with pytest.raises(InputError, match=f"{role} has one value"):
        analysis.fit(table, law, bootstrap=0).to_json()


@pytest.mark.parametrize(
    ("role", "value", "kind"), [("params", 1e8, "one_size"), ("tokens", 1e10, "one_token_count")]
)
def test_a_law_of_compute_says_so(role, value, kind):
    table = runs().assign(**{role: value}).drop(columns="flops")
    swept = table.iloc[:5].assign(budget=6 * table["params"] * table["tokens"])
    for rows in (table, swept):
        fit = analysis.fit(rows, "power", bootstrap=0).to_json()
        assert kind in {flag["kind"] for flag in fit["warnings"]}
        assert "so this is no law of the best loss" in said(Fit.from_json(fit))


def test_an_edge_is_said_of_every_method():
    table = runs(noise=0)
    for law in ("chinchilla", "gamma"):
        warnings = analysis.fit(table, law, bootstrap=0).to_json()["warnings"]
        assert "edge" not in {flag["kind"] for flag in warnings}
    below = table[table["params"] < 0.06 * table["flops"] ** 0.5]  # sizes up to about the best
    for law, rows, words in (
        ("power", below, "rows on the envelope are of the largest size"),
        ("chinchilla", table[table["params"] < 1e8], "the best size for the largest compute"),
        ("isoflop", below.assign(budget=below["flops"]), "largest size"),
    ):
        assert words in said(analysis.fit(rows, law, bootstrap=0)), law


@pytest.mark.parametrize("main", [predict.main, variants.main])
def test_a_command_that_writes_no_fit_says_that_minima_lie_at_an_edge(
    main, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    table = runs().assign(budget=runs()["flops"])
    written(table[table["params"] < 0.04 * table["flops"] ** 0.5], "t.csv")
    main(["t.csv", *(["--bootstrap", "20"] if main is variants.main else [])])
    assert "budget 1e+18: the minimum lies above the largest size" in capsys.readouterr().err
