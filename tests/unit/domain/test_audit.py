"""Entries of the audit trail, and what they never hold (ADR 70)."""

from ipaddress import ip_address

import pytest
from tests.support.builders.audit import an_entry
from tests.support.builders.messages import NOW

from wework_message.domain.access.principal import OPEN_PRINCIPAL, PrincipalKind
from wework_message.domain.audit import (
    MAX_FIELDS,
    MAX_TARGET,
    AuditAction,
    AuditFilter,
    AuditOutcome,
    Refusal,
    cut,
    outcome_of,
    started,
)
from wework_message.domain.ids import AuditId, TenantId
from wework_message.domain.networks import counted_as

ID = AuditId("an-id")


def test_what_is_begun_names_its_actor_and_nothing_of_its_end() -> None:
    begun = started(ID, AuditAction.KEY_CREATE, OPEN_PRINCIPAL, NOW, target="t", request_id="r", address="192.0.2.1")
    assert (begun.id, begun.at, begun.tenant_id, begun.actor_kind, begun.actor_id) == (
        ID, NOW, "default", PrincipalKind.OPEN, "",
    )  # fmt: skip
    assert (begun.action, begun.outcome, begun.target, begun.request_id, begun.address) == (
        AuditAction.KEY_CREATE, AuditOutcome.STARTED, "t", "r", "192.0.2.1",
    )  # fmt: skip
    assert (begun.status, begun.fields, begun.count, begun.seq) == (None, (), 1, 0)


def test_its_end_is_the_same_with_what_became_known() -> None:
    begun = an_entry(outcome=AuditOutcome.STARTED, request_id="r", address="192.0.2.1", seq=7)
    ended = begun.ended(AuditOutcome.DONE, NOW + 5, status=201, fields=("name",))
    assert ended == an_entry(at=NOW + 5, request_id="r", address="192.0.2.1", status=201, fields=("name",))
    assert begun.ended(AuditOutcome.DONE, NOW, target="made").target == "made"
    assert begun.ended(AuditOutcome.DONE, NOW, target="").target is None


def test_targets_and_names_of_fields_are_cut() -> None:
    long = "t" * (MAX_TARGET + 1)
    assert cut(long) == "t" * MAX_TARGET
    assert cut("") is cut(None) is None
    begun = started(ID, AuditAction.KEY_CREATE, OPEN_PRINCIPAL, NOW, target=long)
    assert begun.target == begun.ended(AuditOutcome.DONE, NOW, target=long).target == "t" * MAX_TARGET
    fields = tuple(map(str, range(MAX_FIELDS + 1)))
    assert begun.ended(AuditOutcome.DONE, NOW, fields=fields).fields == fields[:MAX_FIELDS]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "DONE"), (202, "DONE"), (304, "DONE"), (400, "REFUSED"), (404, "REFUSED"), (499, "REFUSED"),
        (500, "FAILED"), (503, "FAILED"), (0, "FAILED"), (199, "FAILED"),
    ],
)  # fmt: skip
def test_an_answer_says_how_it_ended(status: int, outcome: str) -> None:
    assert outcome_of(status) == outcome


def test_refusals_are_one_entry_with_a_count() -> None:
    refusal = Refusal(AuditAction.SCOPE_MISSING, "192.0.2.1", TenantId("t"), PrincipalKind.KEY, "k", "metrics")
    entry = refusal.entry(ID, NOW, 7)
    assert (entry.tenant_id, entry.actor_id, entry.target, entry.address) == ("t", "k", "metrics", "192.0.2.1")
    assert (entry.outcome, entry.count, entry.at, entry.status) == (AuditOutcome.REFUSED, 7, NOW, None)


@pytest.mark.parametrize(
    ("filters", "taken"),
    [
        (AuditFilter(), True), (AuditFilter(AuditAction.ACCOUNT_CHANGE, "abcdefgh", "account-a", NOW, NOW + 1), True),
        (AuditFilter(action=AuditAction.KEY_CREATE), False), (AuditFilter(actor_id="other"), False),
        (AuditFilter(target="other"), False), (AuditFilter(since=NOW + 1), False), (AuditFilter(until=NOW), False),
    ],
)  # fmt: skip
def test_a_filter_takes_what_it_names(filters: AuditFilter, *, taken: bool) -> None:
    assert filters.takes(an_entry()) is taken


def test_an_address_counts_as_itself_or_as_its_64() -> None:
    assert counted_as(ip_address("192.0.2.7")) == "192.0.2.7"
    assert (
        counted_as(ip_address("2001:db8:1:2:3:4:5:6"))
        == counted_as(ip_address("2001:db8:1:2::9"))
        == "2001:db8:1:2::/64"
    )
    assert counted_as(ip_address("2001:db8:1:3::9")) != "2001:db8:1:2::/64"
