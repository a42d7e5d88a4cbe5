"""The syntax trees of our modules live as long as the tests that read them."""

from collections.abc import Iterator

import pytest
from tests.support import source_trees


@pytest.fixture(scope="package", autouse=True)
def source_trees_are_given_up() -> Iterator[None]:
    yield
    source_trees.forget()
