"""The text that a collector reads, by the grammar of Prometheus' format and not by the writer's own words (OK4)."""

import re

import pytest

from bootstrap.model.metrics import DAYS_LEFT, FAMILIES, INFO, LOOKED, RESIDUALS, Sample, exposition
from tests.support.exposition import parsed


def test_it_comes_back_as_it_went_in() -> None:
    odd = 'a "word", a \\ and\na line {x="y"} 1'
    samples = [
        Sample(DAYS_LEFT, -0.25, {"certificate": odd}),
        Sample(RESIDUALS, 3),
        Sample(DAYS_LEFT, 1824.5, {"certificate": ""}),
        Sample(LOOKED, 1796082872.0),
    ]
    found = parsed("\n".join(exposition(samples)) + "\n")
    assert found == {
        ("bootstrap_looked_timestamp_seconds", ()): 1796082872.0,
        ("bootstrap_residuals", ()): 3.0,
        ("bootstrap_certificate_days_left", (("certificate", odd),)): -0.25,
        ("bootstrap_certificate_days_left", (("certificate", ""),)): 1824.5,
    }


def test_a_family_without_a_sample_is_not_named() -> None:
    assert list(exposition([])) == []


def test_a_label_that_is_not_declared_is_a_fault_of_ours() -> None:
    with pytest.raises(AssertionError):
        list(exposition([Sample(INFO, 1, {"secret": "x"})]))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_names_and_labels_are_as_the_format_wants_them(family: object) -> None:
    (found,) = [each for each in FAMILIES if each is family]
    assert re.fullmatch(r"[a-z][a-z_]*[a-z]", found.name)
    assert not found.name.endswith(("_total", "_count", "_sum", "_bucket"))  # of other types
    assert all(re.fullmatch(r"[a-z]+", label) for label in found.labels)
    assert "\n" not in found.text
    assert "\\" not in found.text


@pytest.mark.parametrize(
    "text",
    [
        "bootstrap_a 1\n",
        "# HELP bootstrap_a x\n# TYPE bootstrap_a gauge\nbootstrap_a 1",
        "# HELP bootstrap_a x\n# TYPE bootstrap_a gauge\nbootstrap_a one\n",
        '# HELP bootstrap_a x\n# TYPE bootstrap_a gauge\nbootstrap_a{b="c} 1\n',
        "# HELP bootstrap_a x\n# TYPE bootstrap_a gauge\nbootstrap_a 1\nbootstrap_a 2\n",
        "# HELP bootstrap_a x\n# TYPE bootstrap_a gauge\n",
    ],
)
def test_the_reader_of_the_tests_is_strict(text: str) -> None:
    with pytest.raises(AssertionError):
        parsed(text)
