"""What answers rest on that the vendor's documents do not say. The header `X-Sim-Assumed` names it, the body stays strict."""

from typing import Final

from wework_message.simulator.answers import Json
from wework_message.simulator.files.uploads import STALE_RULE, UPDATE_RULE, UPLOADS
from wework_message.simulator.mass import PATHS as MASS_PATHS
from wework_message.simulator.options import SimulatorOptions
from wework_message.simulator.sends import READ_MARK, RECALL, SENDS

HEADER: Final = b"x-sim-assumed"

ASSUMED: Final[dict[str, str]] = {
    "error-status": "business errors have HTTP status 200",
    "unknown-guid-code": "the code for a guid that does not exist",
    "offline-code": "the code for an account that is not online",
    "recall-code": "the code of a refused recall",
    "mass-send-code": "the code of a refused mass send",
    "login-code": "the code of a login without a stored login, and of update_client on an instance that is not stopped",
    "verify-code": "the code of a code for a login that is wrong, too late, or was not asked for",
    "throttle": "the limit of calls per minute, its code, or 429 with Retry-After",
    "send-answer": "other sends answer like send_text and send_image",
    "empty-data": "an endpoint without a sample answers with empty data",
    "sync-answer": "the whole answer of sync_msg; its key is exclusive, and it has the instance's own account's sends only",
    "create-answer": "create_client answers with the guid; nobody is logged in on the new instance",
    "login": "when a login ends, that one needs a stored login, and which callbacks it causes",
    "slot-rule": "a login in a slot that another instance of the account holds logs that one out",
    "upload-answer": "the whole answer of an upload, in one of two spellings; the same bytes get another handle each time",
    "cdn-rule": "the rule of the CDN belongs to the instance, and one update is enough",
    "fetch-code": "the code of an upload whose URL cannot be fetched",
    "media-code": "the code of a send that names a file that no upload has answered",
    "expired-code": "the code of a send that names a handle that has expired",
    "mass-answer": "answers of the mass-send assistant: task id, who was left out, statuses, tasks of an administrator",
    "qr-answer": "the answer of check_login_qrcode is the QrcodeStatus as data.status",
}
"""By name as in the header; docs/simulator.md has the same table."""

_CAPTURED: Final = frozenset(
    {
        "/msg/send_text", "/msg/send_image", READ_MARK, RECALL, "/msg/apply_voice_id", "/msg/query_voice_text",
        "/client/all_clients", "/client/get_client_status", "/client/get_client_version", "/session/get_session_list",
        "/login/get_login_qrcode",
    }
)  # fmt: skip
"""Endpoints whose good answer is documented or was captured."""

_BY_PATH: Final[dict[str, tuple[str, ...]]] = {
    "/sync/sync_msg": ("sync-answer",),
    "/client/create_client": ("create-answer",),
    "/client/restore_client": ("empty-data", "login", "slot-rule"),
    "/login/auto_login": ("empty-data", "login", "slot-rule"),
    "/login/keep_login": ("empty-data", "login", "slot-rule"),
    "/login/check_login_qrcode": ("qr-answer",),
    "/login/verify_login_qrcode": ("empty-data", "login"),
    "/client/stop_client": ("empty-data", "login"),
    "/user/logout": ("empty-data", "login"),
    **dict.fromkeys(UPLOADS, ("upload-answer",)),
    UPDATE_RULE: ("empty-data", "cdn-rule"),
    **dict.fromkeys(MASS_PATHS, ("mass-answer",)),
}


def assumed(path: str, envelope: Json, options: SimulatorOptions) -> tuple[str, ...]:
    """Names of what the answer of this path rests on, empty where all of it is documented or captured."""
    code = envelope.get("error_code", 0)
    if code != 0:
        names = {
            options.unknown_guid_code: "unknown-guid-code",
            options.offline_code: "offline-code",
            options.recall_code: "recall-code",
            options.mass_send_code: "mass-send-code",
            options.login_code: "login-code",
            options.verify_code: "verify-code",
            options.throttle_code: "throttle",
            options.fetch_code: "fetch-code",
            options.media_code: "media-code",
            options.expired_code: "expired-code",
            STALE_RULE: "cdn-rule",
        }
        named = names.get(code) if isinstance(code, int) else None
        return ("error-status",) if named is None else ("error-status", named)
    if path in _CAPTURED:
        return ()
    return _BY_PATH.get(path, ("send-answer",) if path in SENDS else ("empty-data",))
