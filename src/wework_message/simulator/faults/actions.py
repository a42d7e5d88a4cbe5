"""What goes wrong with one call."""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

Kind = Literal[
    "refuse", "throttle", "svr_fail", "no_id", "reused_id", "send_fail_later",
    "http_500_before", "http_500_after", "http_502", "html", "garbage", "json_string", "nan", "deep", "oversize",
    "closed_before", "answer_lost", "reset", "truncated", "slow", "stall", "drip",
]  # fmt: skip

When = Literal["before", "while", "after"]

_NOT_EXECUTED: Final = frozenset({"refuse", "throttle", "http_500_before", "closed_before"})

_NO_ENVELOPE: Final[Mapping[str, object]] = {"executed": False}
PARAMETERS: Final[Mapping[Kind, Mapping[str, object]]] = {
    "refuse": {"error_code": -2003, "error_message": ""},
    "throttle": {"retry_after_s": 1},
    "svr_fail": _NO_ENVELOPE,
    "no_id": {},
    "reused_id": {},
    "send_fail_later": {},
    "http_500_before": {},
    "http_500_after": {},
    "http_502": _NO_ENVELOPE,
    "html": _NO_ENVELOPE,
    "garbage": _NO_ENVELOPE,
    "json_string": {},
    "nan": {},
    "deep": {"depth": 100_000},
    "oversize": {"bytes": 8_388_608},
    "closed_before": {},
    "answer_lost": {},
    "reset": {"when": "while", "delay_ms": 20},
    "truncated": {"delay_ms": 20},
    "slow": {"when": "before", "delay_ms": 1_000},
    "stall": {"when": "while", "delay_ms": 30_000},
    "drip": {"delay_ms": 1_000},
}
"""The parameters of each kind with their defaults; all others have no meaning for it."""

_WHEN: Final[Mapping[str, tuple[When, ...]]] = {
    "reset": ("before", "while"),
    "slow": ("before", "after"),
    "stall": ("before", "while", "after"),
}


class Action(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What goes wrong. After construction a parameter of its kind has its value or its default, every other one is None.

    Kinds, and whether the call is executed all the same:

    - refuse (no): envelope with `error_code` and `error_message`. throttle (no): 429 with Retry-After `retry_after_s`.
    - svr_fail (see `executed`): `error_code` 0 but `is_svr_fail` true.
    - no_id (yes): `msg_data` without `id`. reused_id (yes): the id of the account's previous message once more.
    - send_fail_later (yes): a good answer, then a callback with flag bit 22 (SendFail).
    - http_500_before (no), http_500_after (yes): plain-text 500. http_502 (see `executed`): the HTML page of a proxy.
    - html, garbage (see `executed`): 200 with an HTML page, or with bytes that are no text.
    - json_string (yes): the envelope as a JSON string, as the contract's schemas literally declare.
    - nan, deep, oversize (yes): the envelope with NaN for its code, with `depth` nested lists, or of `bytes` bytes.
    - closed_before (no), answer_lost (yes): the connection is closed without an answer.
    - reset (yes): TCP reset, in the middle of the body or, `when: before`, without an answer. truncated (yes): the
      connection is closed in the middle of the body. `delay_ms` pass first, in which the half arrives.
    - slow (yes): `delay_ms` pass before the execution or, `when: after`, between execution and answer.
    - stall (yes): `delay_ms` pass between head and body, in the middle of the body, or before its end (`when`).
    - drip (yes): one byte of the body each `delay_ms`.
    """

    kind: Kind
    error_code: int | None = None
    error_message: str | None = None
    retry_after_s: int | None = None
    executed: bool | None = None
    """Whether the call is executed all the same."""
    depth: int | None = None
    bytes: int | None = None
    when: When | None = None
    delay_ms: int | None = None

    def __post_init__(self) -> None:
        """Refuse parameters that the kind has not, and numbers out of range; fill in the defaults."""
        parameters = PARAMETERS[self.kind]
        for name in self.__struct_fields__[1:]:
            value = getattr(self, name)
            if value is None:
                msgspec.structs.force_setattr(self, name, parameters.get(name))
            elif name not in parameters:
                raise ValueError(f"{name} has no meaning for {self.kind}")
            elif name not in {"error_code", "executed"} and isinstance(value, int) and value < 0:
                raise ValueError(f"{name} must be at least 0")
        if self.when is not None and self.when not in _WHEN[self.kind]:
            raise ValueError(f"when must be one of {', '.join(_WHEN[self.kind])} for {self.kind}")

    @property
    def executes(self) -> bool:
        """Whether a call with this fault is executed."""
        return self.kind not in _NOT_EXECUTED if self.executed is None else self.executed

    def parameters(self) -> dict[str, object]:
        """The kind and its parameters, as in a script."""
        return {"kind": self.kind, **{name: getattr(self, name) for name in PARAMETERS[self.kind]}}
