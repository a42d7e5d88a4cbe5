"""What the expressions of alert and recording rules name: metrics, labels and values of labels."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

FOLDER: Final = Path(__file__).parents[2] / "deploy" / "prometheus"
RULES: Final = FOLDER / "rules" / "wework-message.yml"

_STRING: Final = re.compile(r'"[^"]*"')
_SELECTOR: Final = re.compile(
    r'\b(?P<metric>[a-zA-Z_:][\w:]*)\{(?P<matchers>(?:\w+(?:=~|!~|!=|=)"[^"]*",?)*)\}|\b(?P<bare>(?:wm|process|python)[\w:]*)\b'
)
_MATCHER: Final = re.compile(r'(?P<label>\w+)(?P<sign>=~|!~|!=|=)"(?P<value>[^"]*)"')
_GROUPING: Final = re.compile(r"\b(?:by|on|without|ignoring)\s*\((?P<labels>[^)]*)\)")
WORDS: Final = frozenset({
    "absent", "and", "by", "count", "group", "histogram_quantile", "increase", "last_over_time", "max", "max_over_time", "min", "on", "or",
    "rate", "sum", "unless", "vector",
})  # fmt: skip
"""Functions and operators that the rules use; any other word is a metric or a mistake."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """What a selector demands of one label of its metric."""

    metric: str
    label: str
    alternatives: tuple[str, ...]
    """Regular expressions; a plain value is one that matches itself alone."""


def rules() -> list[Mapping[str, Any]]:
    """All rules, in order."""
    return [rule for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"] for rule in group["rules"]]


def metrics_in(expression: str) -> set[str]:
    """Names of metrics, of recorded ones too."""
    return {match["metric"] or match["bare"] for match in _SELECTOR.finditer(expression)}


def matchers_in(expression: str) -> Iterator[Matcher]:
    """What the selectors demand."""
    for selector in _SELECTOR.finditer(expression):
        for matcher in _MATCHER.finditer(selector["matchers"] or ""):
            value = matcher["value"]
            is_pattern = matcher["sign"] in {"=~", "!~"}
            alternatives = tuple(value.split("|")) if is_pattern else (re.escape(value),)
            yield Matcher(selector["metric"], matcher["label"], alternatives)


def grouped_labels(expression: str) -> set[str]:
    """Labels by which results are put together."""
    return {label.strip() for match in _GROUPING.finditer(expression) for label in match["labels"].split(",")} - {""}


def other_words(expression: str) -> set[str]:
    """Words that are neither a metric, nor a label, nor one of `WORDS`."""
    rest = _GROUPING.sub(" ", _SELECTOR.sub(" ", expression))
    assert not _STRING.search(rest), rest
    return set(re.findall(r"[a-zA-Z_:][\w:]*", re.sub(r"\[\w+\]|\b\d[\w.]*", " ", rest))) - WORDS
