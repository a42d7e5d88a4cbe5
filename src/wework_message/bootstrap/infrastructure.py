"""The container of what is opened and closed (ADR 0006). Only this package uses it."""

from collections.abc import Mapping

from wework_message.adapters.system import SystemClock, SystemRandom, UuidGenerator
from wework_message.bootstrap.databases import open_store
from wework_message.bootstrap.frameworks import containers, providers
from wework_message.bootstrap.gateways import open_gateways
from wework_message.bootstrap.media import open_media
from wework_message.bootstrap.media_work import open_media_work, uploads_of
from wework_message.bootstrap.outbound import open_outbound
from wework_message.bootstrap.settings import ProviderSettings
from wework_message.bootstrap.settings.http import OutboundSettings
from wework_message.bootstrap.settings.media import MediaSettings
from wework_message.bootstrap.settings.model import DatasourceSettings, RedisSettings
from wework_message.bootstrap.settings.sending import SpoolSettings
from wework_message.bootstrap.shared_state import open_shared
from wework_message.bootstrap.shared_state.local import WatchRedis
from wework_message.bootstrap.spool import open_spool


class Infrastructure(containers.DeclarativeContainer):
    """What has to be opened, in the order of `running`, and is closed in the reverse order."""

    datasource: providers.Dependency[DatasourceSettings] = providers.Dependency()
    provider_settings: providers.Dependency[Mapping[str, ProviderSettings]] = providers.Dependency()
    provider_urls: providers.Dependency[Mapping[str, str]] = providers.Dependency()
    outbound_settings: providers.Dependency[OutboundSettings] = providers.Dependency()
    media_settings: providers.Dependency[MediaSettings] = providers.Dependency()
    public_url: providers.Dependency[str | None] = providers.Dependency()
    spool_settings: providers.Dependency[SpoolSettings] = providers.Dependency()
    calls: providers.Dependency[int] = providers.Dependency()
    redis: providers.Dependency[RedisSettings] = providers.Dependency()
    watch_redis: providers.Dependency[WatchRedis | None] = providers.Dependency()
    workers: providers.Dependency[int] = providers.Dependency()

    clock = providers.Singleton(SystemClock)
    ids = providers.Singleton(UuidGenerator)
    random_source = providers.Singleton(SystemRandom)
    store = providers.Resource(open_store, datasource)
    shared = providers.Resource(open_shared, redis, clock, random_source, watch_redis, workers)
    uploads = providers.Factory(uploads_of, media_settings)
    gateways = providers.Resource(open_gateways, provider_settings, provider_urls, calls, uploads)
    outbound = providers.Resource(open_outbound, outbound_settings)
    media = providers.Resource(open_media, media_settings, public_url)
    media_work = providers.Resource(open_media_work, media_settings, outbound_settings)
    spool = providers.Resource(open_spool, spool_settings)
