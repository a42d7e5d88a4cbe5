"""Small faults that can be put into a module: where, and what is written there instead.

Left out is what no test should look at: texts, docstrings, annotations, logging, protocols, and what only a type checker reads.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

_COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"), ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="), ast.Is: ("is", "is not"), ast.IsNot: ("is not", "is"), ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "//"), ast.FloorDiv: ("//", "*"), ast.Div: ("/", "*"),
    ast.Mod: ("%", "+"), ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&"), ast.LShift: ("<<", ">>"),
}  # fmt: skip
_CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}
_LEFT_OUT_CALLS = ("_log.", "logging.", "warnings.")
_LEFT_OUT_FUNCTIONS = ("_conforms", "_subscribes", "__repr__", "__str__")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault at one place."""

    path: str
    operator: str
    """Its kind."""
    line: int
    start: int
    """Index of the first replaced character of the module's text."""
    end: int
    replacement: str
    code: str
    """The first line that it changes, without indentation."""
    what: str
    """The replaced text and the replacement, each in one line."""

    def apply(self, text: str) -> str:
        """The module's text with the fault."""
        return text[: self.start] + self.replacement + text[self.end :]


def mutants_of(path: str, text: str) -> list[Mutant]:
    """Every fault that can be put into the module `path`, whose text is `text`."""
    return list(_Reader(path, text).mutants())


def read(root: Path, path: str) -> str:
    """The text of a module below `root`."""
    return (root / path).read_text(encoding="utf-8")


class _Reader:
    """Walks through one module."""

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._text = text
        self._lines = text.splitlines(keepends=True)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))

    def mutants(self) -> Iterator[Mutant]:
        yield from self._walk(ast.parse(self._text))

    def _walk(self, node: ast.AST) -> Iterator[Mutant]:
        yield from self._at(node)
        for child in _children(node):
            yield from self._walk(child)

    def _at(self, node: ast.AST) -> Iterator[Mutant]:
        match node:
            case ast.Compare() | ast.BinOp() | ast.BoolOp():
                yield from self._operators(node)
            case ast.If() | ast.While() | ast.IfExp():
                yield self._mutant("condition", node.test, *self._span(node.test), f"not ({self._of(node.test)})")
            case ast.comprehension():
                for condition in node.ifs:
                    yield self._mutant("filter", condition, *self._span(condition), "True")
            case ast.Constant():
                yield from self._constant(node)
            case ast.Call():
                yield from self._call(node)
        if isinstance(node, ast.stmt):
            yield from self._statement(node)

    def _operators(self, node: ast.Compare | ast.BinOp | ast.BoolOp) -> Iterator[Mutant]:
        if isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
            for (left, right), compare in zip(pairwise(operands), node.ops, strict=True):
                yield from self._between("comparison", left, right, _COMPARISONS[type(compare)])
        elif isinstance(node, ast.BoolOp):
            words = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
            for left, right in pairwise(node.values):
                yield from self._between("and, or", left, right, words)
            for kept in (node.values[0], node.values[-1]):
                yield self._mutant("operand dropped", node, *self._span(node), f"({self._of(kept)})")
        elif type(node.op) in _ARITHMETIC:
            yield from self._between("arithmetic", node.left, node.right, _ARITHMETIC[type(node.op)])

    def _constant(self, node: ast.Constant) -> Iterator[Mutant]:
        if isinstance(node.value, bool):
            yield self._mutant("boolean", node, *self._span(node), str(not node.value))
        elif isinstance(node.value, int | float):
            yield self._mutant("number", node, *self._span(node), f"({self._of(node)} + 1)")

    def _call(self, node: ast.Call) -> Iterator[Mutant]:
        if isinstance(node.func, ast.Name) and node.func.id in _CALLS:
            yield self._mutant("min, max", node, *self._span(node.func), _CALLS[node.func.id])
        if len(node.args) > 1 and not any(isinstance(argument, ast.Starred) for argument in node.args[:2]):
            (start, first_end), (second_start, end) = self._span(node.args[0]), self._span(node.args[1])
            between = self._text[first_end:second_start]
            if (first := self._of(node.args[0])) != (second := self._of(node.args[1])):
                yield self._mutant("arguments swapped", node, start, end, f"{second}{between}{first}")

    def _statement(self, node: ast.stmt) -> Iterator[Mutant]:
        guard = isinstance(node, ast.If) and not node.orelse and isinstance(node.body[-1], _ENDS)
        drops = isinstance(node, ast.AugAssign | ast.Expr) or (
            isinstance(node, ast.Assign) and all(isinstance(target, ast.Attribute) for target in node.targets)
        )
        if guard or drops:
            yield self._mutant("guard dropped" if guard else "statement dropped", node, *self._span(node), "pass")

    def _between(self, operator: str, left: ast.AST, right: ast.AST, words: tuple[str, str]) -> Iterator[Mutant]:
        """The word between two operands; brackets and blanks around it stay."""
        start, end = self._span(left)[1], self._span(right)[0]
        gap, (old, new) = self._text[start:end], words
        if gap.count(old) == 1 and "#" not in gap:
            at = start + gap.index(old)
            yield self._mutant(operator, left, at, at + len(old), new)

    def _span(self, node: ast.AST) -> tuple[int, int]:
        place = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined] # statements and expressions have them
        start, end = (self._index(line, column) for line, column in place)
        return start, end

    def _index(self, line: int, column: int) -> int:
        """`column` counts bytes, as `ast` does."""
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())

    def _of(self, node: ast.AST) -> str:
        start, end = self._span(node)
        return self._text[start:end]

    def _mutant(self, operator: str, node: ast.AST, start: int, end: int, replacement: str) -> Mutant:
        line: int = node.lineno  # type: ignore[attr-defined] # as above
        what = f"{_one_line(self._text[start:end])} -> {_one_line(replacement)}"
        code = self._lines[line - 1].strip()
        return Mutant(self._path, operator, line, start, end, replacement, code, what)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """What is below `node` and is run: no annotation, no text, no log, no protocol, no argument of `raise`, no pattern (most of it takes no expression)."""
    if isinstance(node, ast.ClassDef):
        if not any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases):
            yield from _run(node.body)
    elif isinstance(node, _FUNCTIONS):
        if node.name not in _LEFT_OUT_FUNCTIONS:
            yield from (default for default in [*node.args.defaults, *node.args.kw_defaults] if default is not None)
            yield from _run(node.body)
    elif isinstance(node, ast.AnnAssign):
        if node.value is not None:
            yield node.value
    elif isinstance(node, ast.Raise | ast.Import | ast.ImportFrom | ast.JoinedStr | ast.Assert | ast.pattern):
        return
    else:
        yield from _run(list(ast.iter_child_nodes(node)))


def _run(nodes: list[ast.stmt] | list[ast.AST]) -> Iterator[ast.AST]:
    return (node for node in nodes if not _is_left_out(node))


def _is_left_out(node: ast.AST) -> bool:
    if not isinstance(node, ast.Expr):
        return False
    value = node.value
    if isinstance(value, ast.Await):
        value = value.value
    if isinstance(value, ast.Call):
        return ast.unparse(value.func).startswith(_LEFT_OUT_CALLS)
    return isinstance(value, ast.Constant)  # a docstring, or `...`


def _one_line(text: str) -> str:
    return " ".join(text.split())
