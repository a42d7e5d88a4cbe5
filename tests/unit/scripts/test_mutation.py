"""The faults of `make mutation`: where they are put, and which are drawn. The run itself is not tested: it takes its time."""

import random
from functools import cache
from pathlib import Path

import pytest
from scripts import mutation
from scripts.mutants import Mutant, mutants_of, read

ROOT = Path(__file__).parents[3]

candidates = cache(mutation.candidates)
"""They are read from every module of a layer."""


def changed(text: str, operator: str) -> list[str]:
    return [mutant.apply(text) for mutant in mutants_of("m.py", text) if mutant.operator == operator]


@pytest.mark.parametrize(
    ("operator", "text", "expected"),
    [
        ("comparison", "x = a < b", ["x = a <= b"]),
        ("comparison", "x = 0 <= a is not b", ["x = 0 < a is not b", "x = 0 <= a is b"]),
        ("comparison", "x = (a) not in (b)", ["x = (a) in (b)"]),
        ("arithmetic", "x = 'é' + b", ["x = 'é' - b"]),
        ("and, or", "x = a and (b or c)", ["x = a or (b or c)", "x = a and (b and c)"]),
        ("operand dropped", "x = (a or b)", ["x = ((a))", "x = ((b))"]),
        ("condition", "x = 1 if a else 2", ["x = 1 if not (a) else 2"]),
        ("filter", "x = [a for a in b if a]", ["x = [a for a in b if True]"]),
        ("number", "x = 7", ["x = (7 + 1)"]),
        ("boolean", "f(x=True)", ["f(x=False)"]),
        ("min, max", "x = min(a, b)", ["x = max(a, b)"]),
        ("arguments swapped", "x = f(a, b, c)", ["x = f(b, a, c)"]),
        ("guard dropped", "def f():\n    if a:\n        return\n    b()\n", ["def f():\n    pass\n    b()\n"]),
        ("statement dropped", "async def f():\n    await a()\n    b.c = d\n", ["async def f():\n    pass\n    b.c = d\n", "async def f():\n    await a()\n    pass\n"]),
    ],
)  # fmt: skip
def test_each_kind_of_fault_changes_what_it_says(operator: str, text: str, expected: list[str]) -> None:
    assert changed(text, operator) == expected


@pytest.mark.parametrize(
    "text",
    [
        '"""A text."""',
        "x: Between[1, 2]",
        "def f(a: X[1] = None) -> Y[2]: ...",
        "class P(Protocol):\n    def f(self, a=1): ...",
        "_log.info('%d', 1)",
        "raise ValueError(f'{1 + 2}')",
        "def _conforms(a): return a + 1",
        "@dataclass(frozen=True)\nclass A:\n    pass",
        "match a:\n    case 2 | True:\n        pass",
    ],
)
def test_nothing_is_changed_that_no_test_should_look_at(text: str) -> None:
    assert mutants_of("m.py", text) == []


def test_what_is_drawn_depends_on_the_seed_alone_and_has_every_kind() -> None:
    everything = candidates("domain")
    first, again, other = (mutation.sample(everything, 60, random.Random(seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert len({(mutant.path, mutant.start, mutant.replacement) for mutant in first}) == 60
    assert {mutant.operator for mutant in first} == {mutant.operator for mutant in everything}
    assert len(mutation.sample(everything[:5], 60, random.Random(1))) == 5


@pytest.mark.parametrize("layer", mutation.LAYERS)
def test_every_layer_has_mutants_and_they_are_python(layer: str) -> None:
    for mutant in mutation.sample(candidates(layer), 60, random.Random(7)):
        compile(mutant.apply(read(ROOT, mutant.path)), mutant.path, "exec")


def test_the_tests_near_a_module_exist_and_no_entry_is_in_vain() -> None:
    for prefix, steps in mutation.NEAR.items():
        assert [path for step in steps for path in step if not (ROOT / path).exists()] == []
        assert (ROOT / mutation.SOURCE / prefix).exists(), prefix
    assert mutation.near("src/wework_message/domain/content/texts.py") == mutation.NEAR["domain/content/"]
    assert mutation.near("src/wework_message/bootstrap/loops.py") == ()


def test_tests_named_for_a_module_come_first() -> None:
    path = "src/wework_message/domain/retry.py"
    assert mutation.steps(path) == (("tests/unit/domain/test_retry.py",), *mutation.near(path))
    path = "src/wework_message/adapters/guxing/wire.py"
    assert mutation.steps(path) == mutation.near(path)


def test_what_counts_as_equivalent_is_still_there() -> None:
    known = mutation.equivalents(mutation.EQUIVALENT.read_text(encoding="utf-8"))
    paths = {path for path, *_ in known}
    there = {mutation.identity(mutant) for path in paths for mutant in mutants_of(path, read(ROOT, path))}
    assert known - there == set()
    assert mutation.equivalents("# a comment\n\na.py | number | x = 1 | 1 -> (1 + 1) | nobody reads it\n") == {
        ("a.py", "number", "x = 1", "1 -> (1 + 1)")
    }


def test_layers_share_the_mutants_and_a_score_is_of_those_that_were_tried() -> None:
    assert mutation.shares(150, list(mutation.LAYERS)) == {
        "domain": 50,
        "application": 40,
        "adapters": 40,
        "entrypoints": 20,
    }
    assert mutation.shares(1, ["domain"]) == {"domain": 1}
    (mutant,) = mutants_of("m.py", "x = 7")
    assert mutation.Score(killed=3, survived=[mutant]).percent == 75
    assert mutation.Score().percent == 100


class Recording(mutation.Bench):
    """Runs no tests: says which would have run, and lets those of the second step fail."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._limits = {}
        self.ran: list[tuple[str, ...]] = []
        self.seen: set[str] = set()

    def _pass(self, tests: tuple[str, ...], limit_s: float | None) -> bool:
        text = read(self._root, "src/wework_message/domain/m.py")
        if limit_s is not None:
            self.ran.append(tests)
            self.seen.add(text)
        return limit_s is None or len(self.ran) < 2


def test_a_mutant_meets_the_nearest_tests_first_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path, text = "src/wework_message/domain/m.py", "x = 7"
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(text)
    bench = Recording(tmp_path)
    (mutant,) = mutants_of(path, text)
    assert bench.kills(mutant)
    assert bench.ran == list(mutation.NEAR["domain/"][:2])
    assert bench.seen == {"x = (7 + 1)"}
    assert (tmp_path / path).read_text() == text


def test_tests_that_fail_without_a_mutant_judge_nothing(tmp_path: Path) -> None:
    class Red(Recording):
        def _pass(self, tests: tuple[str, ...], limit_s: float | None) -> bool:
            return False

    mutant = Mutant("src/wework_message/domain/m.py", "number", 1, 4, 5, "8", "x = 7", "7 -> 8")
    (tmp_path / mutant.path).parent.mkdir(parents=True)
    (tmp_path / mutant.path).write_text("x = 7")
    with pytest.raises(RuntimeError, match="fail without any mutant"):
        Red(tmp_path).kills(mutant)
