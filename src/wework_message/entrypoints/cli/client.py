"""A running service over REST: one request in, the envelope's data out, every failure with its exit code."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any, BinaryIO, Final, Self
from urllib.parse import urlsplit

import httpx
import msgspec

from wework_message.entrypoints.cli.exit_codes import ExitCode, of_answer
from wework_message.entrypoints.cli.failure import CommandFailedError
from wework_message.entrypoints.cli.keys import HINT
from wework_message.entrypoints.cli.proxies import certificates, proxy_for, refused_certificate
from wework_message.entrypoints.cli.terminal import visible

TIMEOUT_S: Final = 40.0
"""Longer than the longest wait of the service (30 s)."""

MAX_PAGE: Final = 100
"""The most items of one request for a list."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; `envelope` is empty where the body was no JSON object."""

    status: int
    envelope: Mapping[str, Any]
    following: str | None = None
    """The cursor of the next page of a list that is a bare array."""
    retry_after_s: int = 0
    """How long the service asks not to be asked again, s."""

    @property
    def data(self) -> Any:
        """The envelope's `data`, None where there is none."""
        return self.envelope.get("data")

    @property
    def error(self) -> str | None:
        """The stable error code, None on success."""
        code = self.envelope.get("error")
        return code if isinstance(code, str) else None

    def failure(self) -> CommandFailedError:
        """The answer as a failure, with the service's text about each field."""
        envelope = self.envelope
        problems = envelope.get("errors") or ()
        details = [
            visible(f"{problem.get('path')}: {problem.get('message')}")
            for problem in problems
            if isinstance(problem, dict)
        ]
        data = self.data
        if isinstance(data, dict) and "messageId" in data:
            details.append(visible(f"message {data['messageId']} is {data.get('status')}"))
        if self.status == HTTPStatus.UNAUTHORIZED:
            details.append(HINT)
        if "requestId" in envelope:
            details.append(visible(f"request id {envelope['requestId']}"))
        text = envelope.get("message") or "no explanation"
        return CommandFailedError(
            of_answer(self.status, self.error),
            visible(f"{self.status} {self.error or ''}".rstrip() + f": {text}"),
            *details,
            document=envelope,
        )


class ServiceClient:
    """A client of the API below `url`, such as ``http://127.0.0.1:8082/message``; use it as a context manager."""

    def __init__(
        self,
        url: str,
        transport: httpx.BaseTransport | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        key: str | None = None,
        reason: str = "",
    ) -> None:
        """`key` proves who calls; `reason` says why it is this URL, for errors. The environment's proxy is not used for an address of this machine. Raises `CommandFailedError`."""
        self.url = url.rstrip("/")
        self.shown_url = _without_secrets(self.url)
        self._reason = reason
        try:
            self._http = httpx.Client(
                transport=transport,
                timeout=timeout_s,
                trust_env=False,
                proxy=proxy_for(url),
                verify=certificates(url),
                headers={} if key is None else {"Authorization": f"Bearer {key}"},
            )
        except (ValueError, httpx.InvalidURL):
            raise CommandFailedError(
                ExitCode.CONFIGURATION,
                "the environment's proxy is no URL",
                "correct http_proxy, https_proxy or all_proxy",
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, BinaryIO]] | None = None,
    ) -> Answer:
        """One exchange, whatever the answer. `files` are a form: by field, the name and the open file, which is read as it is sent.

        Raises `CommandFailedError`: `UNAVAILABLE` where nothing listens, `TRY_AGAIN` where the answer was lost.
        """
        sent_headers = dict(headers or {})
        if body is not None:
            sent_headers["Content-Type"] = "application/json"
        try:
            response = self._http.request(
                method, self.url + path, params=params, content=body, headers=sent_headers, files=files
            )
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            if (reason := refused_certificate(error)) is not None:
                raise CommandFailedError(
                    ExitCode.UNAVAILABLE,
                    f"the certificate of {self.shown_url} is refused: {visible(reason)}",
                    "have SSL_CERT_FILE name the file of its authority, or correct --url",
                ) from None
            raise CommandFailedError(
                ExitCode.UNAVAILABLE,
                f"nothing answers at {self.shown_url}",
                *([self._reason] if self._reason else []),
                "start the service with: wework-message serve, or name another with --url",
            ) from None
        except (httpx.UnsupportedProtocol, httpx.InvalidURL):
            raise CommandFailedError(ExitCode.USAGE, f"--url {self.shown_url} is no http or https URL") from None
        except httpx.TransportError as error:
            raise CommandFailedError(
                ExitCode.TRY_AGAIN, f"no answer from {self.shown_url} ({type(error).__name__})"
            ) from None
        retry_after = response.headers.get("retry-after", "")
        return Answer(
            response.status_code,
            _envelope(response.content),
            response.headers.get("x-next-cursor"),
            int(retry_after) if retry_after.isdecimal() else 0,
        )

    def data(self, method: str, path: str, **request: Any) -> Any:
        """The envelope's data of a success; raises `CommandFailedError` for everything else."""
        answer = self.request(method, path, **request)
        if of_answer(answer.status, answer.error) is not ExitCode.OK:
            raise answer.failure()
        return answer.data

    def pages(
        self, path: str, query: Mapping[str, str], *, limit: int, cursor: str | None = None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Up to `limit` items of a list, newest first, and the cursor of the next one, None at the end. Raises as `data`."""
        items: list[dict[str, Any]] = []
        while True:
            params = {"limit": str(min(MAX_PAGE, limit - len(items))), **query}
            if cursor is not None:
                params["cursor"] = cursor
            page = self.data("GET", path, params=params)
            items += page["items"]
            cursor = page.get("nextCursor")
            if cursor is None or len(items) >= limit:
                return items, cursor

    def bare_pages(self, path: str, query: Mapping[str, str], *, limit: int) -> tuple[list[Any], bool]:
        """Up to `limit` items of a list that is a bare array, and whether there are more. Raises as `data`."""
        items: list[Any] = []
        following: str | None = None
        while True:
            page = {"limit": str(min(MAX_PAGE, limit - len(items)))} | ({"cursor": following} if following else {})
            params = {**query, **page}
            answer = self.request("GET", path, params=params)
            if of_answer(answer.status, answer.error) is not ExitCode.OK:
                raise answer.failure()
            items += answer.data
            following = answer.following
            if following is None or len(items) >= limit:
                return items, following is not None


def _without_secrets(url: str) -> str:
    """The URL without user information and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _envelope(content: bytes) -> Mapping[str, Any]:
    try:
        decoded = msgspec.json.decode(content)
    except msgspec.DecodeError:
        return {}
    return decoded if isinstance(decoded, dict) else {}
