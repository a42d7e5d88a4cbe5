from collections.abc import Iterator

import pytest

from wework_message.domain.page import fitting, page_of


@pytest.mark.parametrize(
    ("sizes", "taken", "fit"),
    [
        ([], 0, 0),
        ([4, 6], 2, 2),
        ([4, 7, 1], 2, 1),
        ([11], 1, 1),
        ([11, 0], 2, 1),
        ([0, 0, 11, 0], 3, 2),
    ],
)
def test_a_page_reads_no_further_than_the_first_row_that_does_not_fit(sizes: list[int], taken: int, fit: int) -> None:
    read: list[int] = []

    def rows() -> Iterator[int]:
        for size in sizes:
            read.append(size)
            yield size

    assert page_of(rows(), int, limit=10) == (sizes[:taken], fit)
    assert read == sizes[:taken]
    assert fitting(sizes, limit=10) == fit
