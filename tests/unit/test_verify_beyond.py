"""INV5, INV6: a field of another hand is seen; what the servers fill in by themselves is none."""

import pytest

from bootstrap.operations.verify.beyond import beyond

WANTED = {
    "spec": {
        "target": {"name": "a", "creationPolicy": "Owner"},
        "data": [{"secretKey": "k", "remoteRef": {"key": "p"}}],
    }
}


@pytest.mark.parametrize(
    "live",
    [
        WANTED["spec"],
        {**WANTED["spec"], "refreshPolicy": "Periodic", "suspend": False, "dataFrom": []},
        {
            **WANTED["spec"],
            "target": {"name": "b", "deletionPolicy": "Retain"},
        },  # another value: ``differs`` says so
        {"data": [{"remoteRef": {"key": "p", "conversionStrategy": "Default", "metadataPolicy": "None"}}]},
        {"target": {"template": {"engineVersion": "v2", "mergePolicy": "Replace"}}},
        {"matchConstraints": {"matchPolicy": "Equivalent", "namespaceSelector": {}}},
    ],
)
def test_inv5_what_is_filled_in_is_nothing(live: dict[str, object]) -> None:
    assert beyond({"spec": live}, WANTED) == []


@pytest.mark.parametrize(
    ("live", "named"),
    [
        ({"refreshPolicy": "CreatedOnce"}, "refreshPolicy"),
        ({"target": {"template": {"data": {"x": "y"}}}}, "target.template"),
        ({"data": [{"remoteRef": {"key": "p", "property": "other"}}]}, "data.remoteRef.property"),
        ({"matchConditions": [{"name": "never", "expression": "false"}]}, "matchConditions"),
        ({"paramRef": {"name": "x"}}, "paramRef"),
    ],
)
def test_inv6_what_somebody_wrote_is_named(live: dict[str, object], named: str) -> None:
    assert beyond({"spec": live}, WANTED) == [named]
