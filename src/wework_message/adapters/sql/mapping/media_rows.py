"""Media assets, handles and jobs as rows."""

import hashlib
from collections.abc import Mapping
from typing import Any

from wework_message.adapters.sql.mapping.media_tables import media
from wework_message.adapters.sql.mapping.secret_columns import SecretColumns
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import Guid, MediaId, ProviderCode, TenantId
from wework_message.domain.media.asset import MediaAsset, MediaFacts, MediaFailure, MediaState, Seen
from wework_message.domain.media.handles import Handle, HandleKey, UploadKind
from wework_message.domain.ports.media import MediaJob

_NO_FACTS = dict.fromkeys(("sha256", "md5", "size", "mime_type", "width", "height", "duration_ms"))


def url_key(url: str) -> bytes:
    """What URLs are compared by: an index on the URL itself would be too wide."""
    return hashlib.sha256(url.encode()).digest()


def asset_row(asset: MediaAsset, secrets: SecretColumns, *, owns_url: bool) -> dict[str, Any]:
    """Every column; `owns_url`: messages that name its URL get it. Raises `ValueError` for one without a key: none is made so."""
    if asset.address_key is None:
        raise ValueError("an asset is stored with its key")
    own_key = url_key(asset.url) if owns_url and asset.url is not None else None
    return {
        "id": asset.media_id,
        "tenant_id": asset.tenant_id,
        "state": asset.state.value,
        "created_at": asset.created_at,
        "ready_at": asset.created_at if asset.state is MediaState.READY else None,
        "address_key": secrets.stored_bytes(media.c.address_key, asset.media_id, asset.address_key),
        "file_name": asset.file_name,
        "url": asset.url,
        "url_key": own_key,
        "failure": asset.failure.value if asset.failure is not None else None,
        "preview_id": asset.preview_id,
        **facts_columns(asset.facts),
    }


def facts_columns(facts: MediaFacts | None) -> dict[str, Any]:
    """What is known of the bytes."""
    if facts is None:
        return dict(_NO_FACTS)
    return {
        "sha256": facts.sha256,
        "md5": facts.md5,
        "size": facts.size,
        "mime_type": facts.seen.mime_type,
        "width": facts.seen.width,
        "height": facts.seen.height,
        "duration_ms": facts.seen.duration_ms,
    }


def asset_of(row: Mapping[Any, Any], secrets: SecretColumns) -> MediaAsset:
    """The asset of a row; without its key where that cannot be decrypted: the other assets of a transaction go on."""
    facts = None
    if row["sha256"] is not None:
        seen = Seen(row["mime_type"], row["width"], row["height"], row["duration_ms"])
        facts = MediaFacts(row["sha256"], row["md5"], row["size"], seen)
    return MediaAsset(
        media_id=MediaId(row["id"]),
        tenant_id=TenantId(row["tenant_id"]),
        state=MediaState(row["state"]),
        created_at=row["created_at"],
        address_key=_address_key(row, secrets),
        file_name=row["file_name"],
        url=row["url"],
        facts=facts,
        failure=MediaFailure(row["failure"]) if row["failure"] is not None else None,
        preview_id=MediaId(row["preview_id"]) if row["preview_id"] is not None else None,
    )


def _address_key(row: Mapping[Any, Any], secrets: SecretColumns) -> bytes | None:
    try:
        return secrets.clear_bytes(media.c.address_key, row["id"], bytes(row["address_key"]))
    except UnavailableError:
        return None


def handle_key_row(key: HandleKey) -> dict[str, Any]:
    """The key's columns."""
    return {
        "tenant_id": key.tenant_id,
        "sha256": key.sha256,
        "provider_code": key.provider_code,
        "kind": key.kind.value,
    }


def handle_row(key: HandleKey, handle: Handle | MediaFailure, now: int) -> dict[str, Any]:
    """Every column."""
    kept, refusal = (handle, None) if isinstance(handle, Handle) else (Handle(), handle.value)
    return {
        **handle_key_row(key),
        "stored_at": now,
        "file_id": kept.file_id,
        "aes_key": kept.aes_key,
        "md5": kept.md5,
        "size": kept.size,
        "url": kept.url,
        "refusal": refusal,
    }


def handle_key_of(row: Mapping[Any, Any]) -> HandleKey:
    """What the handle of a row is of."""
    return HandleKey(
        TenantId(row["tenant_id"]), row["sha256"], ProviderCode(row["provider_code"]), UploadKind(row["kind"])
    )


def handle_of(row: Mapping[Any, Any]) -> Handle | MediaFailure:
    """What the provider answered."""
    if row["refusal"] is not None:
        return MediaFailure(row["refusal"])
    return Handle(row["file_id"], row["aes_key"], row["md5"], row["size"], row["url"])


def job_key_row(job: MediaJob) -> dict[str, Any]:
    """The key's columns: equal jobs have the same."""
    return {
        "tenant_id": job.tenant_id,
        "subject": job.media_id if job.sha256 is None else job.sha256,
        "provider_code": job.provider_code or "",
        "kind": "" if job.kind is None else job.kind.value,
    }


def job_row(job: MediaJob, due_at: int) -> dict[str, Any]:
    """Every column of one that nobody works on."""
    return {
        **job_key_row(job),
        "media_id": job.media_id,
        "guid": job.guid,
        "tries": job.tries,
        "due_at": due_at,
        "holder": None,
    }


def job_of(row: Mapping[Any, Any]) -> MediaJob:
    """The job of a row."""
    upload = bool(row["kind"])
    return MediaJob(
        media_id=MediaId(row["media_id"]),
        tenant_id=TenantId(row["tenant_id"]),
        provider_code=ProviderCode(row["provider_code"]) if upload else None,
        kind=UploadKind(row["kind"]) if upload else None,
        guid=Guid(row["guid"]) if row["guid"] is not None else None,
        sha256=row["subject"] if upload else None,
        tries=row["tries"],
    )
