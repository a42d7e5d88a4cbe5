"""Every statement that a request causes names the tenant, or is known for the reason why it does not (ADR 69)."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.integration.rest.test_rest_tenants import CASES, NO_NAMES, answers, firsts
from tests.support.apps.two_tenants import two_tenants
from tests.support.builders.messages import PROVIDER

from wework_message.adapters.sql.mapping.tables import metadata

TABLES: Final = {name for name, table in metadata.tables.items() if "tenant_id" in table.c and name != "wm_tenant"}

MAY_NOT: Final = {
    r"FROM wm_api_key( |$)": "who sends the request, whether keys have changed, and how many there are; own ones are chosen then",
    r"FROM wm_tenant\) AS changes": "whether keys have changed, of every tenant",
    r"(UPDATE|DELETE FROM) wm_api_key .*WHERE wm_api_key.key_id = \?": "a key that was chosen by its tenant",
    r"FROM wm_account (JOIN wm_binding .*)?WHERE wm_account.registered = 1":
        "the directory of all accounts and guids, which is of the process",
    r"FROM wm_account WHERE wm_account.account_id (= \?|IN \()":
        "a lock, or the accounts of messages and bindings: whose they are is looked at next",
    r"FROM wm_binding WHERE wm_binding.(guid|account_id) (= \?|IN \()":
        "whose a guid is, and the bindings of an account that was read with its tenant",
    r"FROM wm_binding WHERE wm_binding.binding_id IN": "ids that were read with their tenant a moment before",
    r"UPDATE wm_binding .* WHERE wm_binding.binding_id = \?": "of an account that was read with its tenant",
    r"FROM wm_(attempt|due) WHERE wm_(attempt|due).message_id IN \(": "of messages that were read with their tenant",
    r"(DELETE FROM|UPDATE) wm_due ": "of a message that was read with its tenant, or the next one of its lane",
    r"FROM \(SELECT .*FROM wm_callback WHERE wm_callback.state = 'PENDING'": "how many wait for the projector: a number",
    r"FROM wm_callback .*WHERE wm_callback.id IN \(": "ids that were read with their tenant a moment before",
    r"UPDATE wm_callback SET .* WHERE wm_callback.id = \?": "the same",
    r"FROM wm_callback_token$": "there may be so many tokens in all; the tenant's own one is chosen among them",
    r"(UPDATE|DELETE FROM) wm_callback_token .*WHERE wm_callback_token.token_id = \?": "the one that was chosen",
    r"(DELETE FROM|FROM) wm_media WHERE wm_media.(id = \?|preview_id IN)":
        "of an asset that was read with its tenant; and a content whose address is signed for whoever has it",
    r"FROM wm_media_use JOIN wm_message ": "whether a message needs an asset that was read with its tenant",
    r"FROM \(SELECT .*FROM wm_message WHERE wm_message.(status|account_id) = ":
        "how far a walk goes in an index: a place in it, and of an account that was read with its tenant",
    r"FROM wm_message WHERE wm_message.account_id = \?": "of an account that was read with its tenant",
    r"FROM wm_message WHERE wm_message.id (= \?|IN \()": "ids that were read with their tenant a moment before",
    r"UPDATE wm_message SET .* WHERE wm_message.id = \?": "a message that was read with its tenant",
    r"FROM wm_pause (ORDER|WHERE wm_pause.scope = \? AND wm_pause.id = \?)": "what a process stops, of every tenant",
    r"UPDATE wm_replay SET .* WHERE wm_replay.id = \?": "a replay that was read with its tenant",
    r"FROM wm_replay_item WHERE wm_replay_item.replay_id = \?": "the same",
    r"FROM wm_webhook ORDER BY": "where events go is decided by the tenant of each (tests/unit/application/test_webhooks.py)",
    r"UPDATE wm_webhook SET .* WHERE wm_webhook.id = \?": "an endpoint that was read with its tenant",
    r"FROM wm_webhook_delivery WHERE wm_webhook_delivery.endpoint_id = \? AND wm_webhook_delivery.state": "the same",
}  # fmt: skip
"""Statements that name no tenant, and why they may not."""


def flat(statement: str) -> str:
    """Without what it selects."""
    return re.sub(r"^SELECT .*? FROM", "FROM", " ".join(statement.split()))


def forgetful(statement: str) -> Iterator[str]:
    """The tables of tenants that it reads or changes without a word about the tenant; `owner` is a callback's."""
    if statement.startswith("INSERT"):
        return
    condition = statement.partition("WHERE")[2]
    for table in sorted(set(re.findall(r"\bwm_\w+\b", statement)) & TABLES):
        owner = "coalesce((SELECT wm_binding.tenant_id" in statement and table in {"wm_callback", "wm_binding"}
        if not owner and not re.search(rf"\b{table}\.tenant_id|\btenant_id (= |IN )", condition):
            yield table


async def test_every_statement_of_a_request_names_the_tenant_or_says_why_not(tmp_path: Path) -> None:
    seen: dict[str, str] = {}
    async with two_tenants(tmp_path) as both:
        names = firsts(both)

        def note(why: str) -> None:
            statements, both.log.statements = both.log.statements, []
            seen.update({statement: why for statement in statements if any(forgetful(statement))})

        note("the set-up")
        for case in sorted(CASES, key=lambda case: case.route.startswith("DELETE")):
            if "wait" in case.params or case.route == "POST /api/messages/send":  # those wait for a dispatcher
                continue
            for who in ("second", "first"):
                await answers(both, case, names, who)
                note(f"{who}: {case.route}")
        for route in NO_NAMES:
            method, _, path = route.replace("{provider_code}", PROVIDER).partition(" ")
            await both.ask("first", method, path)
            note(route)
    matched = {statement: [why for why in MAY_NOT if re.search(why, flat(statement))] for statement in seen}
    assert [(seen[statement], flat(statement)) for statement, whys in matched.items() if not whys] == []
    assert {why for whys in matched.values() for why in whys} == set(MAY_NOT), "a reason that nothing needs"
