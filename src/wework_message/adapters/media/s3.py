"""Bytes of media in an object store that speaks S3. Imports boto3, which is an extra."""

from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import boto3  # type: ignore[import-untyped]  # ships no types
from botocore.config import Config  # type: ignore[import-untyped]  # as above
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # as above

from wework_message.adapters.media.failures import acquire
from wework_message.adapters.media.folder import PIECE_BYTES, blob_name
from wework_message.adapters.threads import Threads
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.media_store import BlobKey, BlobMissingError

CONNECT_S: Final = 5
READ_S: Final = 20
"""Of one wait for the store, not of a whole transfer."""
TRIES: Final = 3

_MISSING: Final = frozenset({"NoSuchKey", "404", "NotFound"})
_BEYOND: Final = "InvalidRange"


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where the objects are, and who we are there."""

    name: str
    prefix: str = ""
    """Before the names of all objects."""
    endpoint: str | None = None
    """None: that of AWS in the region."""
    region: str = "us-east-1"
    path_style: bool = False
    access_key: str | None = field(default=None, repr=False)
    """None: as the machine is set up for clients of AWS."""
    secret_key: str | None = field(default=None, repr=False)


class S3MediaStore:
    """One object for each hash. Requests are signed with the SHA-256 of their bytes, which every store checks."""

    def __init__(self, bucket: Bucket, threads: Threads) -> None:
        """Nothing is connected before the first call."""
        self._bucket = bucket
        self._threads = threads
        self._made: Any = None

    async def put(self, key: BlobKey, path: Path) -> None:
        await self._call(self._put, self._name(key), path)

    async def read(self, key: BlobKey, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        if end is not None and end <= start:
            if await self.size(key) is None:
                raise _missing()
            return
        body = await acquire(self._threads, _close, _told, self._open, self._name(key), start, end)
        try:
            while body is not None and (piece := await self._call(body.read, PIECE_BYTES)):
                yield piece
        finally:
            _close(body)

    async def size(self, key: BlobKey) -> int | None:
        return await self._call(self._size, self._name(key))

    async def delete(self, key: BlobKey) -> None:
        await self._call(self._delete, self._name(key))

    async def address(self, key: BlobKey, *, mime_type: str, valid_s: int) -> str | None:
        return await self._call(self._sign, self._name(key), mime_type, valid_s)

    async def aclose(self) -> None:
        if self._made is not None and not self._threads.closed:
            await self._threads.run(self._made.close)

    @property
    def _client(self) -> Any:
        """Made in a thread at the first call: it reads files. Two that make one at once do no harm."""
        if self._made is None:
            bucket = self._bucket
            self._made = boto3.session.Session().client(
                "s3",
                endpoint_url=bucket.endpoint,
                region_name=bucket.region,
                aws_access_key_id=bucket.access_key,
                aws_secret_access_key=bucket.secret_key,
                config=Config(
                    connect_timeout=CONNECT_S,
                    read_timeout=READ_S,
                    retries={"total_max_attempts": TRIES, "mode": "standard"},
                    signature_version="s3v4",
                    s3={
                        "addressing_style": "path" if bucket.path_style else "auto",
                        "payload_signing_enabled": True,
                    },
                    # Checksums beyond that of the signature are new: many stores beside AWS refuse them.
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                ),
            )
        return self._made

    def _name(self, key: BlobKey) -> dict[str, str]:
        return {"Bucket": self._bucket.name, "Key": self._bucket.prefix + blob_name(key)}

    async def _call(self, work: Callable[..., T], *arguments: Any) -> T:
        return await self._threads.run(_told, work, *arguments)

    def _put(self, name: dict[str, str], path: Path) -> None:
        size = path.stat().st_size
        if self._head(name) == size:
            return
        with path.open("rb") as body:
            self._client.put_object(**name, Body=body, ContentLength=size, ContentType="application/octet-stream")

    def _open(self, name: dict[str, str], start: int, end: int | None) -> Any:
        """The body of an answer; None where nothing is behind `start`."""
        if start == 0 and end is None:
            return self._client.get_object(**name)["Body"]
        try:
            last = "" if end is None else str(end - 1)
            return self._client.get_object(**name, Range=f"bytes={start}-{last}")["Body"]
        except ClientError as error:
            if _code(error) == _BEYOND:
                return None
            raise

    def _size(self, name: dict[str, str]) -> int | None:
        size = self._head(name)
        if size is None:  # so is the answer where the bucket is not there
            self._client.head_bucket(Bucket=self._bucket.name)
        return size

    def _head(self, name: dict[str, str]) -> int | None:
        try:
            size: int = self._client.head_object(**name)["ContentLength"]
        except ClientError as error:
            if _code(error) in _MISSING:
                return None
            raise
        return size

    def _delete(self, name: dict[str, str]) -> None:
        with suppress(BlobMissingError):
            _told(self._client.delete_object, **name)

    def _sign(self, name: dict[str, str], mime_type: str, valid_s: int) -> str:
        parameters = {**name, "ResponseContentType": mime_type, "ResponseContentDisposition": "attachment"}
        address: str = self._client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=valid_s)
        return address


def _told(work: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """`work`, its failures as the port says them; what boto says may name hosts and keys, so only its code is told."""
    try:
        return work(*arguments, **named)
    except ClientError as error:
        code = _code(error)
        if code in _MISSING and error.operation_name != "HeadBucket":
            raise _missing() from None
        raise UnavailableError("media store", f"answers {code}") from None
    except (BotoCoreError, OSError) as error:
        raise UnavailableError("media store", type(error).__name__) from None


def _missing() -> BlobMissingError:
    return BlobMissingError("the bytes are not in the store")


def _code(error: ClientError) -> str:
    code: str = error.response.get("Error", {}).get("Code", "an error")
    return code if code.isalnum() else "an error"


def _close(body: Any) -> None:
    if body is not None:
        body.close()
