from wework_message.domain.inbox import LOOK_AHEAD, Walk


def test_a_walk_is_read_as_it_is_written() -> None:
    assert Walk.parse("") == Walk() == (0, 0)
    assert Walk.parse(str(Walk(7, 2))) == (7, 2)


def test_a_walk_goes_on_behind_old_entries_and_ends_with_the_last_ones() -> None:
    assert Walk(1, 2).following([3, 4], 2, old=True) == (4, 0)
    assert Walk(1, 2).following([3], 2, old=True) is None
    assert Walk().following([], 2, old=False) is None


def test_a_walk_looks_behind_young_entries_and_not_for_ever() -> None:
    walk: Walk | None = Walk()
    steps = 0
    while walk is not None:
        steps += 1
        walk = walk.following([steps], 1, old=False)
    assert steps == LOOK_AHEAD + 1
