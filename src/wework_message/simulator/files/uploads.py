"""The endpoints of uploads by URL. They answer what nobody has documented: all of it is invented, in two spellings."""

from typing import Final, NamedTuple

from wework_message.simulator.answers import Json, failure, success
from wework_message.simulator.files.fetching import fetch
from wework_message.simulator.files.handles import Handle, Handles, Kind
from wework_message.simulator.instances import Instance, Instances
from wework_message.simulator.options import ONLINE, SimulatorOptions

C2C: Final = "/cloud/cdn_c2c_upload"
UPDATE_RULE: Final = "/cloud/update_cdn_rule"
STALE_RULE: Final = -5103011
"""error_code of the small CDN until its rule is updated (documented)."""

_KINDS: Final[dict[str, Kind]] = {
    "/cloud/cdn_big_upload": "BIG",
    "/cloud/upload_video_preview": "PREVIEW",
    "/cloud/add_image": "PICTURE_URL",
}
UPLOADS: Final = frozenset({C2C, *_KINDS})
"""Paths that upload."""

_FILE_TYPES: Final[dict[object, Kind]] = {1: "COVER", 2: "IMAGE", 4: "VIDEO", 5: "FILE"}
"""`file_type` of the small CDN, by the page that everybody must read; voices are files."""


class Uploaded(NamedTuple):
    """The end of an upload."""

    envelope: Json
    handle: Handle | None = None
    """None: nothing was uploaded."""


class Uploads:
    """Executes uploads."""

    def __init__(self, options: SimulatorOptions, instances: Instances, handles: Handles) -> None:
        self._options = options
        self._instances = instances
        self._handles = handles
        self._updated: set[str] = set()

    def update_rule(self, guid: str) -> None:
        """The instance has a new rule of the CDN."""
        self._updated.add(guid)

    async def perform(self, path: str, body: Json) -> Uploaded:
        """Fetch the file and give it a handle, or refuse with an envelope. Returns after at most `fetch_timeout_ms`."""
        instance = self._instances.find(str(body["guid"]))
        if (refusal := self._refusal(path, instance)) is not None:
            return Uploaded(refusal)
        file = await fetch(str(body.get("url", "")), self._options.fetch_timeout_ms)
        if file is None:
            return Uploaded(failure(self._options.fetch_code, "download failed"))
        kind = _KINDS.get(path) or _FILE_TYPES.get(body.get("file_type"), "OTHER")
        handle = self._handles.make(kind, file)
        return Uploaded(success(self._answer(handle)), handle)

    def _refusal(self, path: str, instance: Instance | None) -> Json | None:
        if instance is None:
            return failure(self._options.unknown_guid_code, "guid not exist")
        if instance.status != ONLINE:
            return failure(self._options.offline_code, "client not online")
        if path == C2C and self._options.cdn_rule and instance.guid not in self._updated:
            return failure(STALE_RULE, "cdn rule expired")
        return None

    def _answer(self, handle: Handle) -> Json:
        if self._options.upload_form == "file_id":
            fields = {"file_id": handle.file_id, "aes_key": handle.aes_key, "url": handle.url}
            rest: Json = {"md5": handle.md5, "size": handle.bytes}
        else:
            fields = {"fileid": handle.file_id, "aeskey": handle.aes_key, "image_url": handle.url}
            rest = {"file_md5": handle.md5, "file_size": handle.bytes}
        return {name: value for name, value in fields.items() if value} | rest
