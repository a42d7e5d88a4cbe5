"""What each column holds, as far as the protection of data asks (ADR 62, ADR 63). A column without a class turns a test red."""

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Final

from sqlalchemy import Table


class DataClass(Enum):
    """What a column can tell about people."""

    CONTENT = auto()
    """What was sent or received, or what repeats it: as text, in base64, as a hash."""
    CONVERSATION = auto()
    """With whom."""
    PERSON = auto()
    """Names and words of those who use and run the service, and who the accounts are."""
    METADATA = auto()
    """Ids, times, states, numbers. Ids that clients choose are among them: they must hold no data of people."""


_CLASSES: Final[Mapping[str, Mapping[DataClass, str]]] = {
    "wm_tenant": {DataClass.METADATA: "tenant_id name created_at disabled_at key_changes"},
    "wm_message": {
        DataClass.CONTENT: "content extra",
        DataClass.CONVERSATION: "conversation_id",
        DataClass.PERSON: "status_callback_url",
        DataClass.METADATA: (
            "id tenant_id account_id guid message_type accepted_at expires_at mode priority scheduled_at requested_provider pin"
            " on_unknown duplicate_safe retry_count client_message_id campaign_id batch_id group_id item_index status reason"
            " confirmed possible_duplicate recall recall_confirmed round tries strikes attempt_count provider_code version updated_at trace"
        ),
    },
    "wm_due": {
        DataClass.CONVERSATION: "lane",
        DataClass.METADATA: "seq tenant_id message_id urgency place parked paced paced_for due_at in_ms turn",
    },
    "wm_attempt": {
        DataClass.CONTENT: "receipt content_key error_message",
        DataClass.CONVERSATION: "conversation_id",
        DataClass.METADATA: (
            "message_id number tenant_id round account_id binding_id provider_code guid epoch started_at ended_at outcome reason"
            " error_code confirmed decision provider_message_id app_info_key sent_at facts unsettled lane_open"
            " holder"
        ),
    },
    "wm_idempotency_key": {
        DataClass.CONTENT: "fingerprint",
        DataClass.METADATA: "tenant_id key target created_at",
    },
    "wm_batch": {DataClass.METADATA: "id tenant_id mode total created_at"},
    "wm_note": {
        DataClass.CONTENT: "event_key",
        DataClass.PERSON: "detail",
        DataClass.METADATA: "id tenant_id message_id kind at attempt source",
    },
    "wm_callback": {
        DataClass.CONTENT: "raw event_key",
        DataClass.METADATA: (
            "id tenant_id provider_code guid notify_type received_at state tries message_id waits_for source"
        ),
    },
    "wm_dead_letter": {
        DataClass.CONTENT: "body",
        DataClass.METADATA: (
            "id tenant_id source source_id reason faults message_key size deliveries received_at replayed_at target message_id"
        ),
    },
    "wm_account": {
        DataClass.PERSON: "name corp_id vid",
        DataClass.METADATA: "account_id tenant_id enabled registered version on_unknown pools limits created_at updated_at presence_sequence",
    },
    "wm_binding": {
        DataClass.METADATA: (
            "binding_id tenant_id account_id provider_code guid standby priority weight device_slot enabled state epoch seq_hwm"
            " removed"
        ),
    },
    "wm_finished": {DataClass.METADATA: "tenant_id provider_code message_type outcome total"},
    "wm_replay": {
        DataClass.METADATA: (
            "id tenant_id selection rate_milli dry_run created_at state position total unconfirmed replayed skipped failed open"
            " next_at finished_at active"
        ),
    },
    "wm_replay_item": {DataClass.METADATA: "replay_id message_id tenant_id state reason round"},
    "wm_erasure": {
        DataClass.CONVERSATION: "conversation_id position",
        DataClass.PERSON: "note",
        DataClass.METADATA: (
            "id tenant_id dry_run created_at state part round erased left_over next_at finished_at active"
        ),
    },
    "wm_mass_chunk": {
        DataClass.METADATA: (
            "batch_id number tenant_id account_id are_rooms first_index last_index recipients in_ms due_at paced_for"
            " placed_at task_id provider_code guid called_at checks check_at"
        ),
    },
    "wm_mass_day": {
        DataClass.CONVERSATION: "conversation_id",
        DataClass.METADATA: "account_id day tenant_id message_id",
    },
    "wm_mass_confirmation": {
        DataClass.CONTENT: "fingerprint",
        DataClass.METADATA: "digest tenant_id expires_at",
    },
    "wm_media": {
        DataClass.CONTENT: "file_name url url_key sha256 md5",
        DataClass.PERSON: "address_key",
        DataClass.METADATA: (
            "id tenant_id state created_at ready_at size mime_type width height duration_ms failure preview_id"
        ),
    },
    "wm_media_handle": {
        DataClass.CONTENT: "sha256 file_id aes_key md5 url",
        DataClass.METADATA: "tenant_id provider_code kind stored_at size refusal",
    },
    "wm_media_job": {
        DataClass.CONTENT: "subject",
        DataClass.METADATA: "tenant_id provider_code kind media_id guid tries due_at holder",
    },
    "wm_media_use": {DataClass.METADATA: "message_id media_id tenant_id waits"},
    "wm_media_bytes": {DataClass.CONTENT: "sha256", DataClass.METADATA: "tenant_id due_at holder"},
    "wm_duty": {DataClass.METADATA: "name holder epoch held_until lease_ms"},
    "wm_placement": {DataClass.METADATA: "account_id id tenant_id provider_code started_at"},
    "wm_stream": {
        DataClass.METADATA: (
            "provider_code guid tenant_id account_id epoch position whole_since reached_at pulled_at outcome"
        ),
    },
    "wm_api_key": {
        DataClass.PERSON: "name",
        DataClass.METADATA: (
            "key_id digest tenant_id scopes environment created_at expires_at ends_at rotated_from last_used_at"
        ),
    },
    "wm_callback_token": {DataClass.METADATA: "token_id digest tenant_id provider_code guid created_at ends_at"},
    "wm_audit": {
        DataClass.PERSON: "actor_id address",
        DataClass.METADATA: "seq id at tenant_id actor_kind action target request_id outcome details",
    },
    "wm_secret_key": {DataClass.METADATA: "key_id used_since"},
    "wm_webhook": {
        DataClass.PERSON: "url secret previous_secret",
        DataClass.METADATA: "id tenant_id events previous_until created_at enabled disabled_reason failing_since failed_at",
    },
    "wm_webhook_delivery": {
        DataClass.CONTENT: "body",
        DataClass.PERSON: "callback_url",
        DataClass.METADATA: (
            "endpoint_id event_id tenant_id event_type message_id sequence created_at state attempts due_at outcome http_status ended_at trace"
        ),
    },
    "wm_pause": {DataClass.PERSON: "reason paused_by", DataClass.METADATA: "scope id tenant_id since"},
    "wm_pool_choice": {
        DataClass.CONVERSATION: "conversation_id",
        DataClass.METADATA: "tenant_id pool account_id chosen_at",
    },
}

CLASSES: Final[Mapping[str, Mapping[str, DataClass]]] = MappingProxyType(
    {
        table: {column: data_class for data_class, columns in classes.items() for column in columns.split()}
        for table, classes in _CLASSES.items()
    }
)
"""The class of each column by its table."""

ERASED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "wm_message": "emptied",
        "wm_due": "goes when its message rests: an erasure waits for that",
        "wm_attempt": "emptied",
        "wm_idempotency_key": "emptied",
        "wm_note": "emptied",
        "wm_callback": "deleted",
        "wm_dead_letter": "deleted",
        "wm_webhook_delivery": "deleted",
        "wm_pool_choice": "deleted",
        "wm_mass_day": "deleted",
        "wm_mass_confirmation": "goes within ten minutes",
        "wm_erasure": "emptied when it is done",
        "wm_media": "deleted where only erased messages use it",
        "wm_media_handle": "deleted with the last asset of its bytes",
        "wm_media_job": "deleted with its asset",
        "wm_media_bytes": "deleted once the bytes are",
    }
)
"""What an erasure does with each table that holds content or conversations. One that is not here turns a test red."""


def columns_of(table: Table, data_class: DataClass) -> tuple[str, ...]:
    """The columns of `table` that are of this class."""
    return tuple(name for name, its_class in CLASSES[table.name].items() if its_class is data_class)
