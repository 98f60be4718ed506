"""What is known of types by their names."""

import pytest

from data_pipeline.formats import types


def test_every_type_has_a_name_and_an_array_of_its_own() -> None:
    assert {"vector", "halfvec", "sparsevec"} == types.VECTORS
    for name, one in types.SCALARS.items():
        assert types.find(name) is one
        array = types.find(f"_{name}")
        assert array is not None
        assert array.name == f"_{name}"


@pytest.mark.parametrize("name", ["", "mood", "public.uuid", "text[]", "__text", "VECTOR", "tsvector"])
def test_of_other_names_nothing_is_known(name: str) -> None:
    assert types.find(name) is None


def test_only_texts_binary_strings_and_unknown_types_may_be_empty() -> None:
    assert {name for name in types.SCALARS if types.may_be_empty(name)} == {
        *("text", "varchar", "bpchar", "name", "char", "bytea", "varbit")
    }
    assert types.may_be_empty("public.citext")


def test_text_and_varchar_have_the_same_bytes() -> None:
    assert types.same_bytes("text", "varchar")
    assert types.same_bytes("varchar", "text")
    assert types.same_bytes("mood", "mood")
    assert not types.same_bytes("text", "json")
    assert not types.same_bytes("mood", "text")
    assert not types.same_bytes("text", "bpchar")
