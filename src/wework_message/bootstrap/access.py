"""The part of the container for keys and tenants."""

import secrets

from wework_message.application.access.keys import KeyRegistry
from wework_message.application.access.tenants import TenantRegistry
from wework_message.bootstrap.dispatching import Dispatching
from wework_message.bootstrap.frameworks import providers


class Access(Dispatching):
    """Who may call, as operators and tenants change it."""

    keys = providers.Singleton(
        KeyRegistry,
        Dispatching.units,
        Dispatching.storage.provided.api_keys,
        Dispatching.clock,
        providers.Object(secrets.token_bytes),
        Dispatching.policy.provided.key_environment,
        Dispatching.key_directory.provided.changed,
    )
    tenants = providers.Singleton(
        TenantRegistry,
        Dispatching.units,
        Dispatching.storage.provided.api_keys,
        Dispatching.clock,
        Dispatching.key_directory.provided.changed,
    )
