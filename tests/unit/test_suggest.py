"""What was meant: one function for fields, files, kinds and steps."""

from bootstrap.model.suggest import closest


def test_the_nearest_known_word() -> None:
    assert closest("ownr", ["purpose", "owner"]) == "owner"
    assert closest("ownr", {"owner": 1, "own": 2}) == closest("ownr", ("own", "owner")) == "owner"
    assert closest("xyz", ["owner"]) == closest("x", ()) == ""
    assert (closest("abcd", ["abxx"], alike=0.5), closest("abcd", ["abxx"])) == ("abxx", "")
