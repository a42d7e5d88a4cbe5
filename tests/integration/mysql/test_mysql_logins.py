"""Users and passwords in any script, and what is said where none of them opens the database."""

import dataclasses

import pytest
from sqlalchemy import Connection
from tests.support.mysql import EmptyDatabase, opened_store
from tests.support.servers.ports import free_port

from wework_message.domain.errors import UnavailableError


def _user(connection: Connection) -> str:
    return str(connection.exec_driver_sql("SELECT CURRENT_USER()").scalar_one())


@pytest.mark.parametrize("password", ["密码 100%", "pä$$", "p@/w:x"])
async def test_a_password_may_be_in_any_script(migrated: EmptyDatabase, password: str) -> None:
    name = "wm_用户"
    migrated.server.sql(
        f"SET NAMES utf8mb4; CREATE USER `{name}`@'%' IDENTIFIED BY '{password}'; GRANT SELECT ON `{migrated.target.database}`.* TO `{name}`@'%'"
    )
    try:
        async with opened_store(dataclasses.replace(migrated.target, username=name, password=password)) as store:
            assert await store.read(_user) == f"{name}@%"
    finally:
        migrated.server.sql(f"SET NAMES utf8mb4; DROP USER `{name}`@'%'")


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"password": "wrong"}, "user or password are wrong (1045)"),
        ({"database": "wm_missing"}, "this user may not use the database (1044)"),
        ({"port": 0}, "nothing listens at its address"),
    ],
)
async def test_why_a_database_cannot_be_opened(migrated: EmptyDatabase, change: dict[str, object], cause: str) -> None:
    change = {key: value or free_port() for key, value in change.items()}
    async with opened_store(dataclasses.replace(migrated.target, **change)) as store:  # type: ignore[arg-type]  # of any field
        with pytest.raises(UnavailableError) as caught:
            await store.read(_user)
    assert (caught.value.dependency, caught.value.cause) == ("database", cause)
