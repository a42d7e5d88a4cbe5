"""Rules are wired or gone: what the domain offers is used by the service, or waits for a change that is named here.

A name counts as used where another definition of the product mentions it. One that only unused definitions mention is
unused too. Fields of dataclasses must also be set by somebody: a field that always has its default decides nothing.
"""

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

PACKAGE: Final = Path(__file__).parents[2] / "src" / "wework_message"

NOT_THE_SERVICE: Final = ("testing", "simulator", "demo")
"""What embedders and tests use proves nothing about the service."""

DECODED: Final = ("content/", "message_filter.py")
"""Declarations whose fields and members are set and read by name: from JSON, or through a table."""

UNSEEN: Final = 99
"""Positional arguments of a call that unpacks them."""

NOTE: Final = "Not wired yet: "
"""Begins the sentence of a definition that waits; what it waits for follows."""

UNWIRED: Final = {
    "accounts": {
        "account.py: Account.implicit", "account.py: Binding.shares_slot",
        "account.py: Standby.COLD", "account.py: Standby.WARM", "account.py: activate", "account.py: may_start",
        "account.py: slot_holder",
        "lifecycle.py: HoldReason.QUIET_HOURS",
        "routing/provider.py: Capabilities.max_bytes",
        "quota.py: Budget", "quota.py: Period", "quota.py: QuietHours", "quota.py: reserve_all",
        "routing/filters.py: Candidate.fenced", "routing/filters.py: RouteHealth.room",
        "routing/filters.py: RouteHealth.throttled_ms", "routing/filters.py: RouteRequest.last_binding",
        "routing/selector.py: Refusal.probe",
    },
    "official channels": {
        "ports/protocols.py: Idempotency.CALLER_KEY", "ports/protocols.py: Idempotency.CONTENT_WINDOW",
        "ports/protocols.py: ProviderProtocol.idempotency",
    },
}  # fmt: skip
"""What they wait for: accounts with several bindings, or the official channels of WeCom; and the definitions, which say so.

A class stands for its members.
"""

CHANGED_BY_TESTS_ALONE: Final = {
    "routing/breaker.py: BreakerPolicy", "retry.py: RetryPolicy", "routing/selector.py: ProviderSelector",
}  # fmt: skip
"""The numbers of a rule: the service runs with the defaults, so that it is enough that they are read."""


@dataclass(frozen=True)
class Definition:
    """Something public that a module of the domain defines."""

    path: str
    """Below the domain."""
    name: str
    """`function`, `Class` or `Class.member`."""
    kind: str
    """function, class, constant, method, field or member (of an enumeration)."""
    node: ast.AST
    text: str
    """Its docstring, or the string that follows it."""
    place: int = 0
    """Of a field: its place among the positional arguments of its class."""

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
    """What is mentioned, and by which definitions (`path: name`)."""

    names: dict[str, set[str]] = field(default_factory=dict)
    """Names that a module imports from the product or defines itself."""
    attributes: dict[str, set[str]] = field(default_factory=dict)
    """Attributes that are read."""
    methods: dict[str, set[str]] = field(default_factory=dict)
    """Attributes that are called at once: never fields."""
    assigned: dict[str, set[str]] = field(default_factory=dict)
    """Attributes that are set."""
    keywords: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """(What is called, keyword); `**` where they cannot be seen."""
    places: dict[str, dict[str, int]] = field(default_factory=dict)
    """What is called: how many positional arguments a definition gives it."""
    heirs: dict[str, set[str]] = field(default_factory=dict)
    """Class: those derived from it."""


def members(path: str, node: ast.ClassDef) -> Iterator[Definition]:
    enumeration = any("Enum" in ast.dump(base) for base in node.bases)
    place = 0
    for one, following in zip(node.body, [*node.body[1:], ast.Pass()], strict=True):
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Definition(path, f"{node.name}.{one.name}", "method", one, ast.get_docstring(one) or "")
        elif path.startswith(DECODED):
            continue
        elif isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
            if "ClassVar" not in ast.dump(one.annotation):
                yield Definition(path, f"{node.name}.{one.target.id}", "field", one, string(following), place)
                place += 1
        elif isinstance(one, ast.Assign) and enumeration and isinstance(one.targets[0], ast.Name):
            yield Definition(path, f"{node.name}.{one.targets[0].id}", "member", one, string(following))


def string(node: ast.stmt) -> str:
    said = node.value if isinstance(node, ast.Expr) else None
    return said.value if isinstance(said, ast.Constant) and isinstance(said.value, str) else ""


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
    """Names that mean a definition of the product in this module, and what it is called at home."""
    imported = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("wework_message")
        for alias in node.names
    }
    own = [getattr(node, "name", getattr(getattr(node, "target", None), "id", "")) for node in tree.body]
    return imported | {name: name for name in own}


def quoted(node: ast.AST) -> Iterator[ast.AST]:
    """What annotations mention that are written as strings."""
    for declaration in ast.walk(node):
        match declaration:
            case ast.AnnAssign(annotation=ast.Constant(value=str(text))):
                yield from ast.walk(ast.parse(text, mode="eval"))


def note(uses: Uses, owner: str, node: ast.AST, known: dict[str, str]) -> None:
    """What `node` mentions, in the name of `owner`."""
    nodes = [*ast.walk(node), *quoted(node)]
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    called = {id(call.func) for call in calls}
    for one in nodes:
        if isinstance(one, ast.Name) and one.id in known:
            uses.names.setdefault(known[one.id], set()).add(owner)
        elif isinstance(one, ast.Attribute):
            read = uses.methods if id(one) in called else uses.attributes
            table = uses.assigned if isinstance(one.ctx, ast.Store) else read
            table.setdefault(one.attr, set()).add(owner)
    for call in calls:
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        name = known.get(name, name)
        for keyword in call.keywords:
            uses.keywords.setdefault((name, keyword.arg or "**"), set()).add(owner)
        count = UNSEEN if any(isinstance(arg, ast.Starred) for arg in call.args) else len(call.args)
        by = uses.places.setdefault(name, {})
        by[owner] = max(count, by.get(owner, 0))


def mentions(uses: Uses, path: str, tree: ast.Module) -> None:
    known = known_names(tree)
    for node in tree.body:
        name = getattr(node, "name", getattr(getattr(node, "target", None), "id", "(module)"))
        if isinstance(node, ast.ClassDef):
            for base in node.bases:
                uses.heirs.setdefault(getattr(base, "id", ""), set()).add(name)
            for one in node.body:
                inside = getattr(one, "name", getattr(getattr(one, "target", None), "id", ""))
                note(uses, f"{path}: {name}.{inside}", one, known)
            for expression in [*node.bases, *node.decorator_list]:
                note(uses, f"{path}: {name}", expression, known)
        else:
            note(uses, f"{path}: {name}", node, known)


def users(one: Definition, uses: Uses) -> Iterator[set[str]]:
    """For each way in which it must be used: by whom it is."""
    attributes, called = uses.attributes.get(one.short, set()), uses.methods.get(one.short, set())
    if isinstance(one.node, ast.AnnAssign) and one.kind == "field":
        yield attributes | called if "Callable" in ast.dump(one.node.annotation) else attributes
        if one.node.value is not None and f"{one.path}: {one.owner}" not in CHANGED_BY_TESTS_ALONE:
            yield set().union(*setters(one, uses))
    elif one.kind in ("method", "member"):
        yield attributes | called
    else:
        yield uses.names.get(one.short, set()) | attributes | called


def setters(one: Definition, uses: Uses) -> Iterator[set[str]]:
    yield uses.assigned.get(one.short, set())
    yield uses.keywords.get(("replace", one.short), set())
    for maker in family(one.owner, uses):
        yield uses.keywords.get((maker, one.short), set()) | uses.keywords.get((maker, "**"), set())
        yield {by for by, count in uses.places.get(maker, {}).items() if count > one.place}
    within = f"{one.path}: {one.owner}."
    yield {by for by in uses.keywords.get(("cls", one.short), set()) if by.startswith(within)}
    yield {by for by, count in uses.places.get("cls", {}).items() if by.startswith(within) and count > one.place}


def family(name: str, uses: Uses) -> Iterator[str]:
    yield name
    for heir in uses.heirs.get(name, ()):
        yield from family(heir, uses)


def foreign(one: Definition, by: Iterable[str], unused: set[str]) -> bool:
    """Whether one of those who use it is used, and not the definition itself or a part of it."""
    own = str(one)
    return any(
        user != own
        and not (one.kind == "class" and user.startswith(f"{own}."))
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
        tree = ast.parse(file.read_text(encoding="utf-8"))
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
        more = {str(one) for one in defined if not all(foreign(one, by, unused) for by in users(one, uses))}
        if more == unused:
            break
        unused = more
    return {
        str(one) for one in defined
        if str(one) in unused and not one.name.startswith("_") and str(one).rpartition(".")[0] not in unused
    }  # fmt: skip


def waiting() -> dict[str, str]:
    return {name: change for change, names in UNWIRED.items() for name in names}


@pytest.fixture(scope="module")
def service() -> tuple[list[Definition], Uses]:
    return product(PACKAGE)


def test_what_the_domain_offers_is_used_or_waits_for_a_named_change(service: tuple[list[Definition], Uses]) -> None:
    assert unwired(*service) == set(waiting())


def test_what_waits_says_for_what(service: tuple[list[Definition], Uses]) -> None:
    said = {str(one): one.text for one in service[0]}
    assert [name for name, change in waiting().items() if f"{NOTE}{change}." not in said[name]] == []


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


def test_it_finds_what_nobody_calls_what_only_that_calls_and_what_nobody_sets(tmp_path: Path) -> None:
    (tmp_path / "domain").mkdir()
    (tmp_path / "domain" / "route.py").write_text(ROUTE, encoding="utf-8")
    (tmp_path / "selection.py").write_text(
        f"{SELECTION}\nchoose([Route('a', 2), Route('b', share=3)])\n", encoding="utf-8"
    )
    names = {"LIMIT", "Route.room", "RouteError", "keep", "spread"}
    assert unwired(*product(tmp_path)) == {f"route.py: {name}" for name in names}
