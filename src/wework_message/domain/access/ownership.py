"""Whose things are that no tenant has said are its own: the operator's, who is the tenant `default` (ADR 69)."""

from wework_message.domain.ids import DEFAULT_TENANT, TenantId


def is_operator(tenant_id: TenantId) -> bool:
    """Whether this tenant has what belongs to no tenant, and stops what belongs to all: providers, and the service."""
    return tenant_id == DEFAULT_TENANT


def uses_unregistered(tenant_id: TenantId) -> bool:
    """Whether this tenant may send by the guid of an instance that nobody has registered: it has an account of its own then (D-19).

    For others an instance of a provider would be whoever's names it first.
    """
    return is_operator(tenant_id)
