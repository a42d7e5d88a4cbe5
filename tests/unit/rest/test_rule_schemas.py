import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from wework_message.domain.content import CONTENTS, MERGED_ITEMS, OBJECTS, rules_of
from wework_message.domain.content.rules import Between, Rule, Words
from wework_message.entrypoints.rest.rule_schemas import schema_of

MAX_TEXT_LENGTH = 40

RULES = {
    repr(rule): rule
    for kind in (*CONTENTS.values(), *MERGED_ITEMS.values(), *OBJECTS.values())
    for rule in rules_of(kind).values()
}

ADDRESSES = st.from_regex(r"(?i:https?)://[a-z /\n\x7f]{0,5}", fullmatch=True)
TEXTS = st.sampled_from(["", "x" * 64, "x" * 65, "x" * 4_097, "x" * 65_537]) | ADDRESSES
VALUES = st.one_of(
    TEXTS,
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=MAX_TEXT_LENGTH),
    st.integers() | st.sampled_from([-181, -180, -90, 0, 1, 90, 180, 181, 2**31 - 1, 2**31, 2**53 - 1, 2**53]),
    st.lists(st.sampled_from(["", "u1", "x" * 128, "x" * 129]), max_size=3),
    st.sampled_from([["u"] * 100, ["u"] * 101, ["u"] * 1_000, ["u"] * 1_001]),
)
"""NUL and lone surrogates are left out: the schemas do not describe them."""


def kinds_of(rule: Rule) -> tuple[type, ...]:
    """The Python types that the rule judges."""
    if isinstance(rule, Between):
        return (int,)
    return (list,) if hasattr(rule, "max_entries") or hasattr(rule, "max_items") else (str,)


def validator_of(rule: Rule) -> Draft202012Validator:
    """Patterns are those of ECMA-262, whose ``$`` is the end; that of Python also matches before a last line break."""
    schema = schema_of(rule, MAX_TEXT_LENGTH)
    if "pattern" in schema:
        schema["pattern"] = schema["pattern"].removesuffix("$") + r"\Z"
    return Draft202012Validator(schema)


@pytest.mark.parametrize("rule", list(RULES.values()), ids=list(RULES))
@given(VALUES)
@example("http://0\n")
def test_the_schema_allows_what_the_rule_allows(rule: Rule, value: object) -> None:
    if not isinstance(value, kinds_of(rule)):
        return
    if isinstance(rule, Words) and isinstance(value, str) and len(value) > MAX_TEXT_LENGTH:
        return  # its longest text is a setting
    assert validator_of(rule).is_valid(value) == (rule.problem(value) is None)


def test_the_longest_text_is_the_setting() -> None:
    schema = Draft202012Validator(schema_of(Words(), MAX_TEXT_LENGTH))
    assert [schema.is_valid("x" * length) for length in (40, 41)] == [True, False]


def test_a_kind_of_rule_without_a_schema_is_an_error() -> None:
    class Even(Rule):
        def problem(self, value: int) -> str | None:
            return "must be even" if value % 2 else None

    with pytest.raises(TypeError, match="Even has no schema"):
        schema_of(Even(), MAX_TEXT_LENGTH)
