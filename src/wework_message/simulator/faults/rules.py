"""Which calls a fault hits. The same seed and the same calls give the same faults."""

import hashlib
from collections import deque
from typing import Annotated, Final, NamedTuple

import msgspec

from wework_message.simulator.faults.actions import Action
from wework_message.simulator.sends import SENDS, TYPES

_KEPT_SPENT: Final = 1_000
"""Spent rules that stay listed."""

_Positive = Annotated[int, msgspec.Meta(ge=1)]


class Call(NamedTuple):
    """What rules look at."""

    path: str
    guid: str | None
    conversation_id: str | None


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The calls that a rule hits.

    Those that fit all of `guid`, `conversationId`, `type` and `endpoint` count, and of them `nth`, `every`, `probability`
    and `times` choose. Without `type` and `endpoint`, every `/msg/send_` endpoint fits.
    """

    guid: str | None = None
    conversation_id: str | None = msgspec.field(default=None, name="conversationId")
    type: str | None = None
    """Message type, such as IMAGE."""
    endpoint: str | None = None
    """Path, or its beginning followed by `*`."""
    nth: _Positive | list[_Positive] | None = None
    """Which of the calls that fit, counted from 1."""
    every: _Positive | None = None
    """Every how many-th of the calls that fit."""
    times: _Positive | None = None
    """How many calls it hits at most."""
    probability: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    """Share of the calls that are left."""

    def __post_init__(self) -> None:
        """Refuse a type that does not exist, and an endpoint that is no path."""
        if self.type is not None and self.type not in TYPES:
            raise ValueError(f"type {self.type} is unknown; known are {', '.join(sorted(TYPES))}")
        if self.endpoint is not None and not self.endpoint.startswith("/"):
            raise ValueError("endpoint must begin with /")

    def fits(self, call: Call) -> bool:
        """Whether a call is of those that the rule counts."""
        if self.endpoint is None:
            on_path = self.type is not None or call.path.startswith("/msg/send_")
        elif self.endpoint.endswith("*"):
            on_path = call.path.startswith(self.endpoint[:-1])
        else:
            on_path = call.path == self.endpoint
        return (
            on_path
            and (self.type is None or (call.path in SENDS and SENDS[call.path].type == self.type))
            and (self.guid is None or self.guid == call.guid)
            and (self.conversation_id is None or self.conversation_id == call.conversation_id)
        )

    def chooses(self, count: int) -> bool:
        """Whether the call with this number, from 1, among those that fit is one of `nth` and `every`."""
        return (self.nth is None or count in self.numbers()) and (self.every is None or count % self.every == 0)

    def numbers(self) -> tuple[int, ...]:
        """`nth` as numbers; empty without it."""
        if self.nth is None:
            return ()
        return (self.nth,) if isinstance(self.nth, int) else tuple(self.nth)


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One rule: `do` happens to the calls that `match` names. Without a name it gets `rule-N`, its place of all so far."""

    do: Action
    match: Match = Match()
    name: str | None = None
    seed: int | None = None
    """Seed of its probability; None: that of the simulator."""


class Hit(NamedTuple):
    """A rule that hit a call."""

    rule: str
    action: Action


class _Running:
    """A rule in force, with its counts."""

    def __init__(self, name: str, rule: Rule, seed: int) -> None:
        self.name = name
        self.rule = rule
        self.seen = 0
        self.hits = 0
        self._seed = seed if rule.seed is None else rule.seed
        self._of_conversation: dict[tuple[str | None, str | None], int] = {}

    def applies_to(self, call: Call, *, is_taken: bool) -> bool:
        """Count a call; whether it hits it. `is_taken`: another rule has hit it, so this one only counts it."""
        match = self.rule.match
        if not match.fits(call):
            return False
        self.seen += 1
        drawn = match.probability is None or self._draw(call) < match.probability
        if is_taken or not drawn or not match.chooses(self.seen):
            return False
        self.hits += 1
        return True

    def _draw(self, call: Call) -> float:
        """A number from 0 to 1, the same for the same call of the same conversation, whatever calls run beside it."""
        key = (call.guid, call.conversation_id)
        count = self._of_conversation[key] = self._of_conversation.get(key, 0) + 1
        text = repr((self._seed, self.name, *key, count)).encode("utf-8", "surrogatepass")
        return int.from_bytes(hashlib.blake2b(text, digest_size=7).digest()) / 2**56

    @property
    def is_spent(self) -> bool:
        """Whether it can hit no call any more."""
        match = self.rule.match
        return self.hits == match.times or (match.nth is not None and self.seen >= max(match.numbers(), default=0))

    def listing(self) -> dict[str, object]:
        times = self.rule.match.times
        return {
            "name": self.name,
            "match": msgspec.to_builtins(self.rule.match),
            "do": self.rule.do.parameters(),
            "seen": self.seen,
            "hits": self.hits,
            "left": 0 if self.is_spent else None if times is None else times - self.hits,
        }


class Rules:
    """The rules in force, in the order they were added; the first that hits a call wins, and all count it."""

    def __init__(self, seed: int, rules: tuple[Rule, ...] = ()) -> None:
        """Put rules in force.

        Raises:
            ValueError: two have one name.
        """
        self._seed = seed
        self._active: list[_Running] = []
        self._spent: deque[_Running] = deque(maxlen=_KEPT_SPENT)
        self._added = 0
        self.hits = 0
        self.add(*rules)

    def add(self, *rules: Rule) -> None:
        """Put rules in force, behind those that are; all of them or, with a name that is taken, none.

        Raises:
            ValueError: a name is that of another rule.
        """
        names = {running.name for running in (*self._active, *self._spent)}
        added: list[_Running] = []
        for place, rule in enumerate(rules):
            name = rule.name or f"rule-{self._added + place + 1}"
            if name in names:
                raise ValueError(f"the name {name} is taken - at `$.rules[{place}].name`")
            names.add(name)
            added.append(_Running(name, rule, self._seed))
        self._active += added
        self._added += len(added)

    def clear(self) -> None:
        """Remove every rule; the names `rule-N` begin again, so that a script has the same draws as before."""
        self._added = 0
        self._active.clear()
        self._spent.clear()

    def listing(self) -> list[dict[str, object]]:
        """All rules, those that are spent first.

        Each has the number of calls that fitted (`seen`), that it hit (`hits`), and that it still may hit (`left`,
        None: no limit).
        """
        return [running.listing() for running in (*self._spent, *self._active)]

    def pick(self, call: Call) -> Hit | None:
        """The fault of this call, if one hits it; every rule counts it."""
        hit: Hit | None = None
        for running in self._active:
            if running.applies_to(call, is_taken=hit is not None):
                hit = Hit(running.name, running.rule.do)
        if hit is not None:
            self.hits += 1
        if any(running.is_spent for running in self._active):
            self._spent.extend(running for running in self._active if running.is_spent)
            self._active = [running for running in self._active if not running.is_spent]
        return hit
