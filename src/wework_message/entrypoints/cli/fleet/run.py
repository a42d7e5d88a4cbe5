"""A fleet at a running service: reading it, what is in the way of a plan there, and carrying a plan out."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import msgspec

from wework_message.domain.account import Binding
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ids import AccountId, BindingId, Guid, ProviderCode
from wework_message.domain.registration import MAX_BINDINGS, check_new_id
from wework_message.entrypoints.cli.client import ServiceClient
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError
from wework_message.entrypoints.cli.fleet.document import BINDING_SETTINGS, CHANGED_BY_PUT, of_answer, without_defaults
from wework_message.entrypoints.cli.fleet.file import FleetFile, Problem
from wework_message.entrypoints.cli.fleet.plan import Action, Instance, Plan, Step, Values

ACCOUNTS: Final = "/api/accounts"


@dataclass(frozen=True, slots=True)
class StoredFleet:
    """All registered accounts of a service, and what requests about them need."""

    accounts: Mapping[str, Values]
    versions: Mapping[str, int]
    binding_ids: Mapping[tuple[str, Instance], str]


@dataclass(slots=True)
class Results:
    """How a plan went, by account."""

    failures: dict[str, CommandFailedError] = field(default_factory=dict)
    unfinished: set[str] = field(default_factory=set)
    """Accounts with steps that were not tried, because the service no longer answered."""

    @property
    def code(self) -> ExitCode:
        """That of all failures; REFUSED where they differ."""
        codes = {failure.code for failure in self.failures.values()} or {ExitCode.OK}
        return codes.pop() if len(codes) == 1 else ExitCode.REFUSED


def read_stored(client: ServiceClient) -> StoredFleet:
    """Every registered account. Raises `CommandFailedError`."""
    answers, _ = client.pages(ACCOUNTS, {}, limit=sys.maxsize)
    return StoredFleet(
        {answer["accountId"]: of_answer(answer) for answer in answers},
        {answer["accountId"]: answer["version"] for answer in answers},
        {
            (answer["accountId"], (binding["providerCode"], binding["guid"])): binding["bindingId"]
            for answer in answers
            for binding in answer["bindings"]
        },
    )


def obstacles(client: ServiceClient, plan: Plan, file: FleetFile, stored: StoredFleet) -> Iterator[Problem]:
    """Why the service would refuse some of the plan, with paths of the file. Raises `CommandFailedError`."""
    for taken in plan.taken:
        text = f"is bound to account {taken.holder}; --prune removes it there"
        yield Problem(f"{file.guids[taken.instance]}.guid", text)
    for account_id, count in plan.crowded.items():
        text = f"would be {count} with those that the file does not name, and an account may have {MAX_BINDINGS}"
        yield Problem(f"{file.places[account_id]}.bindings", f"{text}; --prune removes those")
    held = {instance for _, instance in stored.binding_ids}
    instances: list[tuple[str, Instance]] = []
    for step in plan.steps:
        if step.action is Action.CREATE:
            yield from _bad_id(step, file)
            bindings = step.values["bindings"]
            instances += [(step.account_id, (binding["providerCode"], binding["guid"])) for binding in bindings]
        elif step.action is Action.BIND:
            instances.append((step.account_id, step.instance))
    known = {provider["code"] for provider in client.data("GET", "/api/providers")} if instances else set()
    for account_id, instance in instances:
        if instance[0] not in known:
            yield Problem(f"{file.guids[instance]}.providerCode", "is not a configured provider")
        elif instance not in held:
            yield from _implicitly_held(client, account_id, instance, file)


def _bad_id(step: Step, file: FleetFile) -> Iterator[Problem]:
    account_id = AccountId(step.account_id)
    bindings = [
        Binding(BindingId(""), account_id, ProviderCode(binding["providerCode"]), Guid(binding["guid"]))
        for binding in step.values["bindings"]
    ]
    try:
        check_new_id(account_id, bindings)
    except InvalidValueError as error:
        yield Problem(f"{file.places[account_id]}.{error.path}", error.message)


def _implicitly_held(client: ServiceClient, account_id: str, instance: Instance, file: FleetFile) -> Iterator[Problem]:
    query = {"guid": instance[1], "includeImplicit": "true"}
    for answer in client.pages(ACCOUNTS, query, limit=sys.maxsize)[0]:
        holds = any((binding["providerCode"], binding["guid"]) == instance for binding in answer["bindings"])
        if holds and answer["accountId"] != account_id:
            text = f"has sent as account {answer['accountId']}; register it with that id, or remove its binding there"
            yield Problem(f"{file.guids[instance]}.guid", text)


def carry_out(client: ServiceClient, plan: Plan, stored: StoredFleet) -> Results:
    """Every step in its order. A step that fails ends those of its account; a service that does not answer ends all."""
    results = Results()
    for place, step in enumerate(plan.steps):
        if step.account_id in results.failures:
            continue
        method, path, body = request_of(step, stored)
        try:
            client.data(method, path, body=None if body is None else msgspec.json.encode(body))
        except CommandFailedError as failure:
            results.failures[step.account_id] = failure
            if failure.document is None:
                later = {step.account_id for step in plan.steps[place + 1 :]}
                results.unfinished = later - results.failures.keys()
                break
    return results


def request_of(step: Step, stored: StoredFleet) -> tuple[str, str, dict[str, Any] | None]:
    """Method, path and body."""
    account = f"{ACCOUNTS}/{quote(step.account_id, safe='')}"
    match step.action:
        case Action.CREATE:
            return "POST", ACCOUNTS, without_defaults(step.values)
        case Action.CHANGE | Action.DISABLE:
            settings = {name: step.values[name] for name in CHANGED_BY_PUT}
            return "PUT", account, {**settings, "version": stored.versions[step.account_id]}
        case Action.BIND:
            return "POST", f"{account}/bindings", dict(step.values)
    binding_id = quote(stored.binding_ids[step.account_id, step.instance], safe="")
    if step.action is Action.UNBIND:
        return "DELETE", f"{account}/bindings/{binding_id}", None
    return "PUT", f"{account}/bindings/{binding_id}", {name: step.values[name] for name in BINDING_SETTINGS}
