"""Accounts: who sends a message, and what is done with the instances of accounts."""

from wework_message.adapters.system import new_address_key
from wework_message.application.accept.accept import Drafting
from wework_message.application.accept.media import NamedMedia
from wework_message.application.accept.quoting import Quoting
from wework_message.application.accept.senders import Senders
from wework_message.application.accounts.activate import ActivateBinding
from wework_message.application.accounts.activation_leases import ActivationLeases
from wework_message.application.accounts.directory import AccountDirectory
from wework_message.application.accounts.place import PlaceAccount
from wework_message.application.accounts.registry import AccountRegistry
from wework_message.application.cluster_lease import ClusterLease
from wework_message.application.instances.configure import ConfigureInstance, ConfigureSoon
from wework_message.application.instances.login import LoginCandidates, ShowLoginCode, VerifyLogin
from wework_message.application.maintenance.standbys import LEASE_MS as STANDBYS_LEASE_MS
from wework_message.application.maintenance.standbys import LEASE_NAME as STANDBYS_LEASE
from wework_message.application.maintenance.standbys import ActivateStandbys
from wework_message.application.queries.binding_counts import CountBindings
from wework_message.application.webhooks.callback_urls import CallbackUrls
from wework_message.bootstrap.dispatching import Dispatching
from wework_message.bootstrap.frameworks import providers
from wework_message.bootstrap.probing import configuring


class Accounts(Dispatching):
    """What is known of accounts and their bindings, and what changes them."""

    bindings = Dispatching.storage.provided.bindings
    count_bindings = providers.Singleton(CountBindings, Dispatching.policy, bindings, Dispatching.clock)
    configure_instance = providers.Singleton(
        ConfigureInstance, Dispatching.policy, Dispatching.gateways.provided.admins
    )
    configure_known = providers.Singleton(
        configuring, configure_instance, bindings, Dispatching.holder, Dispatching.units
    )
    account_reader = Dispatching.storage.provided.accounts
    directory = providers.Singleton(AccountDirectory, account_reader, Dispatching.clock)
    senders = providers.Singleton(
        Senders,
        Dispatching.policy,
        directory,
        account_reader,
        providers.Singleton(Quoting, Dispatching.reader),
        Dispatching.pools,
    )
    drafting = providers.Singleton(
        Drafting, Dispatching.ids, Dispatching.clock, senders, providers.Singleton(CallbackUrls, Dispatching.endpoints),
        providers.Singleton(
            NamedMedia, Dispatching.units, Dispatching.ids, Dispatching.clock, providers.Object(new_address_key)
        ),
    )  # fmt: skip
    accounts = providers.Singleton(
        AccountRegistry, Dispatching.units, directory, Dispatching.router, Dispatching.policy, Dispatching.ids,
        Dispatching.clock, providers.Singleton(ConfigureSoon, configure_instance), Dispatching.notifier,
        Dispatching.record_events,
    )  # fmt: skip
    activation_leases = providers.Singleton(ActivationLeases, Dispatching.units, Dispatching.holder)
    activate = providers.Singleton(
        ActivateBinding, accounts, account_reader, activation_leases, Dispatching.candidates,
        Dispatching.gateways.provided.send, Dispatching.gateways.provided.restorers, Dispatching.board, Dispatching.clock,
    )  # fmt: skip
    place = providers.Singleton(
        PlaceAccount, accounts, Dispatching.units, account_reader, bindings, Dispatching.gateways.provided.makers,
        Dispatching.board, Dispatching.pauses, Dispatching.policy, Dispatching.ids, Dispatching.clock,
    )  # fmt: skip
    login_candidates = providers.Singleton(
        LoginCandidates, account_reader, Dispatching.candidates, Dispatching.gateways.provided.send, Dispatching.clock
    )
    show_login_code = providers.Singleton(ShowLoginCode, login_candidates, Dispatching.gateways.provided.makers)
    verify_login = providers.Singleton(VerifyLogin, login_candidates, Dispatching.gateways.provided.verifiers)
    standbys = providers.Singleton(
        ActivateStandbys, Dispatching.stranded, activate, activation_leases, account_reader, Dispatching.candidates,
        Dispatching.observer,
        providers.Singleton(ClusterLease, STANDBYS_LEASE, Dispatching.holder, STANDBYS_LEASE_MS, Dispatching.units),
        Dispatching.clock,
    )  # fmt: skip
