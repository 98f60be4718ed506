"""Types as manifests name them."""

import pytest

from data_pipeline.postgres.schema.ddl_types import same_type


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("uuid", "uuid", True),
        ("public.halfvec", "halfvec", True),
        ("mood", "public.mood", True),
        ("app.mood", "public.mood", False),
        ("mood", "public.state", False),
        ("uuid", "evil.uuid", False),
        ("vector", "evil.vector", False),
    ],
)
def test_a_type_is_the_same_with_its_schema_and_without(one: str, other: str, same: bool) -> None:
    assert (same_type(one, other), same_type(other, one)) == (same, same)
