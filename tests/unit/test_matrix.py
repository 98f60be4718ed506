"""A test marked `matrix` tries every value of each parameter every day."""

import pytest


def test_no_value_is_left_to_the_slow_cases(request: pytest.FixtureRequest) -> None:
    found = [item for item in request.session.items if isinstance(item, pytest.Function)]
    cases = [item for item in found if item.name.startswith("test_of_a_matrix[")]
    if len(cases) > 1:  # one alone may have been named
        tried = {(item.callspec.params["letter"], item.callspec.params["number"]) for item in cases}
        assert {letter for letter, _ in tried} == set("abc")
        assert {number for _, number in tried} == {1, 2, 3}


@pytest.mark.matrix
@pytest.mark.parametrize("letter", ["a", "b", "c"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_of_a_matrix(letter: str, number: int, request: pytest.FixtureRequest) -> None:
    """A case whose values others try is slow: of nine three are left."""
    needed = "abc".index(letter) == number - 1
    assert (request.node.get_closest_marker("slow") is None) is needed


@pytest.mark.matrix
@pytest.mark.parametrize(("letter", "number"), [("a", 1), ("a", 2), ("b", 1)])
def test_values_that_belong_together_are_one(letter: str, number: int, request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("slow") is None
