"""Rules are wired or gone: the service uses every definition of the domain, or a change that is named here will.

A name counts as used where another definition of the product mentions it. A name that only unused definitions mention is
unused too. Fields of dataclasses must also be set: a field that always has its default decides nothing.
"""

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from tests.support.source_trees import ONE_PROCESS, tree_of

pytestmark = ONE_PROCESS

PACKAGE: Final = Path(__file__).parents[2] / "src" / "wework_message"

NOT_THE_SERVICE: Final = ("testing", "simulator", "demo")
"""Packages for embedders and tests: their uses prove nothing about the service."""

DECODED: Final = ("content/", "message_filter.py")
"""Declarations with fields and members that are set and read by name: from JSON, or through a table."""

UNKNOWN_COUNT: Final = 99
"""Positional arguments of a call that unpacks them."""

NOTE: Final = "Not wired yet: "
"""The beginning of the sentence in a docstring that names the change that a definition waits for."""

UNWIRED: Final = {
    "official channels": {
        "ports/protocols.py: Idempotency.CALLER_KEY", "ports/protocols.py: Idempotency.CONTENT_WINDOW",
        "ports/protocols.py: ProviderProtocol.idempotency",
    },
}  # fmt: skip
"""The change (the official channels of WeCom) and the definitions that wait for it.

A class includes its members.
"""

CHANGED_BY_TESTS_ALONE: Final = {
    "routing/breaker.py: BreakerPolicy", "retry.py: RetryPolicy", "routing/selector.py: ProviderSelector",
}  # fmt: skip
"""Parameters of a rule: the service uses the defaults, so they need only be read."""


@dataclass(frozen=True)
class Definition:
    """A public definition of a module of the domain."""

    path: str
    """The module's path below the domain."""
    name: str
    """`function`, `Class` or `Class.member`."""
    kind: str
    """function, class, constant, method, field or member (of an enumeration)."""
    node: ast.AST
    text: str
    """Its docstring, or the string that follows it."""
    place: int = 0
    """The index of a field among the positional arguments of its class."""

    def __str__(self) -> str:
        return f"{self.path}: {self.name}"

    @property
    def owner(self) -> str:
        return self.name.partition(".")[0]

    @property
    def short(self) -> str:
        return self.name.rpartition(".")[2]


@dataclass
class Uses:
    """The names that definitions (`path: name`) mention."""

    names: dict[str, set[str]] = field(default_factory=dict)
    """Names that a module imports from the product or defines itself."""
    attributes: dict[str, set[str]] = field(default_factory=dict)
    """Attributes that are read."""
    methods: dict[str, set[str]] = field(default_factory=dict)
    """Attributes that are called at once: never fields."""
    assigned: dict[str, set[str]] = field(default_factory=dict)
    """Attributes that are set."""
    keywords: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """(Called name, keyword); the keyword is `**` where a call unpacks a mapping."""
    places: dict[str, dict[str, int]] = field(default_factory=dict)
    """Called name: the number of positional arguments, by definition."""
    heirs: dict[str, set[str]] = field(default_factory=dict)
    """Class: the classes derived from it."""
    declared: dict[str, set[str]] = field(default_factory=dict)
    """Name of a field: the modules with a class that has it."""


def members(path: str, node: ast.ClassDef) -> Iterator[Definition]:
    enumeration = any("Enum" in ast.dump(base) for base in node.bases)
    place = 0
    for statement, following in zip(node.body, [*node.body[1:], ast.Pass()], strict=True):
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Definition(
                path, f"{node.name}.{statement.name}", "method", statement, ast.get_docstring(statement) or ""
            )
        elif path.startswith(DECODED):
            continue
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            if "ClassVar" not in ast.dump(statement.annotation):
                yield Definition(
                    path, f"{node.name}.{statement.target.id}", "field", statement, string(following), place
                )
                place += 1
        elif isinstance(statement, ast.Assign) and enumeration and isinstance(statement.targets[0], ast.Name):
            yield Definition(path, f"{node.name}.{statement.targets[0].id}", "member", statement, string(following))


def string(node: ast.stmt) -> str:
    value = node.value if isinstance(node, ast.Expr) else None
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def definitions(path: str, tree: ast.Module) -> Iterator[Definition]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Definition(path, node.name, "function", node, ast.get_docstring(node) or "")
        elif isinstance(node, ast.ClassDef):
            yield Definition(path, node.name, "class", node, ast.get_docstring(node) or "")
            yield from members(path, node)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield Definition(path, node.target.id, "constant", node, "")


def known_names(tree: ast.Module) -> dict[str, str]:
    """Names in this module for definitions of the product, and the names in the defining module."""
    imported = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("wework_message")
        for alias in node.names
    }
    own = [getattr(node, "name", getattr(getattr(node, "target", None), "id", "")) for node in tree.body]
    return imported | {name: name for name in own}


def quoted(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The nodes of those annotations among these that are strings."""
    for declaration in nodes:
        match declaration:
            case ast.AnnAssign(annotation=ast.Constant(value=str(text))):
                yield from ast.walk(ast.parse(text, mode="eval"))


def note(uses: Uses, owner: str, node: ast.AST, known: dict[str, str]) -> None:
    """Record the names that `node` mentions as used by `owner`."""
    nodes = list(ast.walk(node))
    nodes += quoted(tuple(nodes))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    called = {id(call.func) for call in calls}
    for mention in nodes:
        if isinstance(mention, ast.Name) and mention.id in known:
            uses.names.setdefault(known[mention.id], set()).add(owner)
        elif isinstance(mention, ast.Attribute):
            read = uses.methods if id(mention) in called else uses.attributes
            table = uses.assigned if isinstance(mention.ctx, ast.Store) else read
            table.setdefault(mention.attr, set()).add(owner)
    for call in calls:
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        name = known.get(name, name)
        for keyword in call.keywords:
            uses.keywords.setdefault((name, keyword.arg or "**"), set()).add(owner)
        count = UNKNOWN_COUNT if any(isinstance(arg, ast.Starred) for arg in call.args) else len(call.args)
        by = uses.places.setdefault(name, {})
        by[owner] = max(count, by.get(owner, 0))


def mentions(uses: Uses, path: str, tree: ast.Module) -> None:
    known = known_names(tree)
    for node in tree.body:
        name = getattr(node, "name", getattr(getattr(node, "target", None), "id", "(module)"))
        if isinstance(node, ast.ClassDef):
            for base in node.bases:
                uses.heirs.setdefault(getattr(base, "id", ""), set()).add(name)
            for statement in node.body:
                inside = getattr(statement, "name", getattr(getattr(statement, "target", None), "id", ""))
                if isinstance(statement, ast.AnnAssign):
                    uses.declared.setdefault(inside, set()).add(path)
                note(uses, f"{path}: {name}.{inside}", statement, known)
            for expression in [*node.bases, *node.decorator_list]:
                note(uses, f"{path}: {name}", expression, known)
        else:
            note(uses, f"{path}: {name}", node, known)


def users(definition: Definition, uses: Uses) -> Iterator[set[str]]:
    """For each way in which the definition must be used: the definitions that use it so."""
    attributes, called = uses.attributes.get(definition.short, set()), uses.methods.get(definition.short, set())
    if isinstance(definition.node, ast.AnnAssign) and definition.kind == "field":
        yield attributes | called if "Callable" in ast.dump(definition.node.annotation) else attributes
        if definition.node.value is not None and f"{definition.path}: {definition.owner}" not in CHANGED_BY_TESTS_ALONE:
            yield set().union(*setters(definition, uses))
    elif definition.kind in ("method", "member"):
        yield attributes | called
    else:
        yield uses.names.get(definition.short, set()) | attributes | called


def setters(definition: Definition, uses: Uses) -> Iterator[set[str]]:
    yield uses.assigned.get(definition.short, set())
    elsewhere = uses.declared.get(definition.short, set()) - {definition.path}
    for copier in ("replace", "_replace"):  # of dataclasses and of named tuples; a module copies what is its own
        copies = uses.keywords.get((copier, definition.short), set())
        yield {by for by in copies if by.partition(":")[0] not in elsewhere}
    for maker in family(definition.owner, uses):
        yield uses.keywords.get((maker, definition.short), set()) | uses.keywords.get((maker, "**"), set())
        yield {by for by, count in uses.places.get(maker, {}).items() if count > definition.place}
    within = f"{definition.path}: {definition.owner}."
    yield {by for by in uses.keywords.get(("cls", definition.short), set()) if by.startswith(within)}
    yield {by for by, count in uses.places.get("cls", {}).items() if by.startswith(within) and count > definition.place}


def family(name: str, uses: Uses) -> Iterator[str]:
    yield name
    for heir in uses.heirs.get(name, ()):
        yield from family(heir, uses)


def foreign(definition: Definition, by: Iterable[str], unused: set[str]) -> bool:
    """Whether a used definition is among its users, other than itself and its parts."""
    own = str(definition)
    return any(
        user != own
        and not (definition.kind == "class" and user.startswith(f"{own}."))
        and user not in unused
        and user.rpartition(".")[0] not in unused
        for user in by
    )


def product(package: Path) -> tuple[list[Definition], Uses]:
    uses, defined = Uses(), list[Definition]()
    for file in sorted(package.rglob("*.py")):
        path = file.relative_to(package).as_posix()
        if path.startswith(NOT_THE_SERVICE):
            continue
        tree = tree_of(file)
        if path.startswith("domain/"):
            path = path.removeprefix("domain/")
            defined += [
                definition
                for definition in definitions(path, tree)
                if definition.name == definition.short or not definition.short.startswith("_")
            ]
        mentions(uses, path, tree)
    return defined, uses


def unwired(defined: Sequence[Definition], uses: Uses) -> set[str]:
    """Definitions of the domain that nothing of the service uses; members of an unused class are left out."""
    unused: set[str] = set()
    while True:
        more = {
            str(definition)
            for definition in defined
            if not all(foreign(definition, by, unused) for by in users(definition, uses))
        }
        if more == unused:
            break
        unused = more
    return {
        str(definition) for definition in defined
        if str(definition) in unused and not definition.name.startswith("_") and str(definition).rpartition(".")[0] not in unused
    }  # fmt: skip


def waiting() -> dict[str, str]:
    return {name: change for change, names in UNWIRED.items() for name in names}


@pytest.fixture(scope="module")
def service() -> tuple[list[Definition], Uses]:
    return product(PACKAGE)


def test_every_definition_of_the_domain_is_used_or_waits_for_a_named_change(
    service: tuple[list[Definition], Uses],
) -> None:
    assert unwired(*service) == set(waiting())


def test_a_waiting_definition_names_its_change(service: tuple[list[Definition], Uses]) -> None:
    texts = {str(definition): definition.text for definition in service[0]}
    assert [name for name, change in waiting().items() if f"{NOTE}{change}." not in texts[name]] == []


SELECTION: Final = """
from wework_message.domain.route import Route, RouteError, weigh

def choose(routes: list[Route]) -> Route:
    return max(routes, key=weigh)
"""

ROUTE: Final = """
LIMIT: Final = 3

class Route:
    name: str
    share: int = 1
    room: int = 1

class RouteError(Exception): ...

def weigh(route: Route) -> int:
    return route.share * route.room * len(route.name)

def spread(routes: list[Route]) -> list[Route]:
    return [keep(route) for route in routes[:LIMIT]]

def keep(route: Route) -> Route:
    return route
"""

ORDER: Final = """
class Order:
    room: int = 1

def enlarge(order: Order) -> Order:
    return order._replace(room=order.room + 1)
"""


def test_unused_definitions_and_fields_that_are_never_set_are_found(tmp_path: Path) -> None:
    (tmp_path / "domain").mkdir()
    (tmp_path / "domain" / "route.py").write_text(ROUTE, encoding="utf-8")
    (tmp_path / "domain" / "order.py").write_text(ORDER, encoding="utf-8")
    (tmp_path / "selection.py").write_text(
        f"from wework_message.domain.order import enlarge\nenlarge\n{SELECTION}\nchoose([Route('a', 2), Route('b', share=3)])\n",
        encoding="utf-8",
    )
    names = {"LIMIT", "Route.room", "RouteError", "keep", "spread"}
    assert unwired(*product(tmp_path)) == {f"route.py: {name}" for name in names}
