"""A list of a thousand is not a thousand lines; nothing that stands alone is hidden by what is alike."""

from bootstrap.cli.long_lists import MANY, lines, sentences


def test_a_list_that_can_be_read_is_given_whole() -> None:
    items = [f"one-{n}: kept" for n in range(MANY)]
    assert list(lines(items)) == list(sentences(items)) == [f"  - {item}" for item in items]


def test_of_a_long_one_the_first_are_named_and_the_rest_counted() -> None:
    told = list(lines([f"one-{n}" for n in range(1000)]))
    assert told[0] == "  - one-0" and told[-1] == "  - and 990 more (-o json names each)"
    assert len(told) == 11


def test_what_is_said_of_many_is_said_once_and_of_one_by_its_name() -> None:
    items = [
        "the unseal key, in one Secret",
        *(f"many-{n}: kept" for n in range(1000)),
        "alone: lives until 2027",
    ]
    assert list(sentences(items)) == [
        "  - the unseal key, in one Secret",
        "  - many-0, many-1, many-2 and 997 more (-o json names each): kept",
        "  - alone: lives until 2027",
    ]
