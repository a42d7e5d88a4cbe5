"""GET mass-tasks: mass sends that an administrator issued, as the provider answers about them."""

import re
from typing import Annotated, Final, TypeAlias

from litestar.params import QueryParameter

from wework_message.application.mass.tasks import TaskAnswer
from wework_message.domain.access.scopes import Scope
from wework_message.domain.ids import Guid
from wework_message.entrypoints.rest.api import ApiDependency
from wework_message.entrypoints.rest.http.query_parameters import (
    TEXT_SCHEMA,
    Name,
    bad_parameter,
    checked_text,
)
from wework_message.entrypoints.rest.http.routing import errors, get
from wework_message.entrypoints.wire.answers.batches import MassTaskAnswer

_MAX_GUID: Final = 128
_GUID: Final = re.compile(rf"[!-~]{{1,{_MAX_GUID}}}")

OfInstance: TypeAlias = Annotated[
    str,
    QueryParameter(
        name="guid",
        description="The instance that is asked.",
        schema_extra={"minLength": 1, "maxLength": _MAX_GUID, "pattern": "^[!-~]+$"},
    ),
]
NextPage: TypeAlias = Annotated[
    str | None,
    QueryParameter(
        name="nextPage", description="Of the page before, as the provider named it.", schema_extra=TEXT_SCHEMA
    ),
]


@get(
    "/api/mass-tasks",
    scope=Scope.MESSAGES_READ,
    summary="Mass sends that wait for a confirmation, as the provider lists them",
    responses=errors(422, 501),
)
async def list_mass_tasks(api: ApiDependency, guid: OfInstance, next_page: NextPage = None) -> MassTaskAnswer:
    """Ask the provider; nothing is stored or confirmed."""
    instance = _instance(guid)
    return _answer(
        await api.take_work().mass_tasks.list(api.tenant_id, instance, checked_text("nextPage", next_page) or "")
    )


@get(
    "/api/mass-tasks/{task_id:str}",
    scope=Scope.MESSAGES_READ,
    summary="One mass send that waits for a confirmation",
    responses=errors(422, 501),
)
async def get_mass_task(api: ApiDependency, task_id: Name, guid: OfInstance) -> MassTaskAnswer:
    """Ask the provider; nothing is stored or confirmed."""
    return _answer(await api.take_work().mass_tasks.get(api.tenant_id, _instance(guid), task_id))


def _instance(guid: str) -> Guid:
    if _GUID.fullmatch(guid) is None:
        raise bad_parameter("guid", "must be 1 to 128 printable ASCII characters without spaces")
    return Guid(guid)


def _answer(answered: TaskAnswer) -> MassTaskAnswer:
    return MassTaskAnswer(provider_code=answered.provider_code, raw=answered.raw)
