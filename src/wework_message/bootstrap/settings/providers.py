"""Settings of the providers."""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from wework_message.bootstrap.settings.evidence import SettleSettings
from wework_message.bootstrap.settings.provider_media import ProviderMassSettings, ProviderMediaSettings
from wework_message.bootstrap.settings.secrets import SIMULATOR, CallbackUrl, ProviderUrl, Secret
from wework_message.bootstrap.settings.section import Section
from wework_message.domain.outcomes import OutcomeClass

_Ms: TypeAlias = Annotated[int, Meta(ge=1, le=600_000)]
_Many: TypeAlias = Annotated[int, Meta(ge=1, le=10_000_000)]
_BaseUrl: TypeAlias = Annotated[
    ProviderUrl,
    Meta(extra={"allowed": f"an http or https URL without credentials and options, or {SIMULATOR}"}),
]
_CallbackUrl: TypeAlias = Annotated[
    CallbackUrl, Meta(extra={"allowed": "an http or https URL without credentials and options"})
]
_Protocol: TypeAlias = Annotated[str, Meta(pattern=r"^[a-z0-9-]+$", extra={"allowed": "a protocol such as guxing"})]
_Code: TypeAlias = Annotated[
    str, Meta(pattern=r"^[A-Z0-9_]{1,32}$", extra={"allowed": "1 to 32 of A to Z, 0 to 9 and _"})
]
_ResultCode: TypeAlias = Annotated[str, Meta(pattern=r"^-?[1-9][0-9]*$")]
_OutcomeCodes: TypeAlias = Annotated[
    Mapping[_ResultCode, OutcomeClass],
    Meta(extra={"allowed": f"a map of the provider's non-zero codes to one of {', '.join(OutcomeClass)}"}),
]
_Options: TypeAlias = Annotated[
    Mapping[Annotated[str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")], Secret],
    Meta(extra={"allowed": "a map of option names, lower case with single hyphens, to texts"}),
]


class ProviderSettings(Section, frozen=True):
    """One provider of the vendor API (D-20); its key is lower case with hyphens."""

    code: _Code
    """Code in the API; default = the key in upper snake case."""
    name: str
    """Name for people; default = the code (广州孤星 for `guangzhou-guxing`)."""
    enabled: bool = True
    """False = never chosen."""
    priority: Annotated[int, Meta(ge=0, le=10_000)] = 1
    """Smaller wins; the enabled provider with the smallest is the default one, ties by file order (D-54)."""
    weight: Annotated[int, Meta(ge=1, le=10_000)] = 100
    """Share among providers of one priority."""
    protocol: _Protocol = "guxing"
    """The protocol of the adapter."""
    api_base_url: _BaseUrl | None = None
    """http(s) URL without credentials, printed without its path; `simulator`, or null with the embedded profile = the built-in simulator."""
    timeout_ms: _Ms = 30_000
    """Total deadline of one call, ms (D-39)."""
    retry_count: Annotated[int, Meta(ge=0, le=100)] = 3
    """Cap of the quick tries at this provider; 0 counts as 1 (D-47), see `quick_tries`."""
    rate_limit_per_minute: _Many | None = None
    """Messages of all accounts together at this provider, per minute; what exceeds it goes to a sibling binding or waits. null = no limit."""
    rate_limit_per_hour: _Many | None = None
    """The same per hour."""
    rate_limit_per_day: _Many | None = None
    """The same per day."""
    max_accounts: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    """Accounts that `place` puts there at most; 0 = none, null = any number. What is bound by hand counts, and is not limited."""
    outcome_codes: _OutcomeCodes = msgspec.field(default_factory=dict)
    """Provider's result code -> outcome class, in addition to the built-in table of the contract (D-43)."""
    callback_url: _CallbackUrl | None = None
    """Set at every instance, at the start and when it is registered; http(s), as the provider reaches us; printed without its path."""
    notify: Literal["OWN", "ALL"] | None = None
    """Set at every instance, too: it reports messages that its account sent (OWN), or those of others as well; null = as it is."""
    mark_read: bool = False
    """Clients may mark conversations as read."""
    settle: SettleSettings = SettleSettings()
    """How what is uncertain there is settled."""
    media: ProviderMediaSettings = ProviderMediaSettings()
    mass: ProviderMassSettings = ProviderMassSettings()
    options: _Options = msgspec.field(default_factory=dict)
    """Further options of its protocol. All are kept as secrets; the protocol says which ones are none."""

    @property
    def quick_tries(self) -> int:
        """Quick tries at this provider, at least 1."""
        return max(1, self.retry_count)


class WeworkSettings(Section, frozen=True):
    """The providers, in the order of the files."""

    providers: Mapping[str, ProviderSettings] = msgspec.field(default_factory=dict)
    """Provider key -> provider; never empty once loaded."""
