"""The OpenAPI document and Swagger UI, both without the internet (D-50)."""

import asyncio
from functools import cache
from importlib.resources.abc import Traversable
from typing import Any, Final

from litestar import Request
from swagger_ui_bundle import swagger_ui_path  # type: ignore[import-untyped] # the bundle ships no types

from wework_message.application.errors import NotFoundError
from wework_message.entrypoints.rest.api import ApiDependency
from wework_message.entrypoints.rest.http.envelope import OK, Answer
from wework_message.entrypoints.rest.http.query_parameters import Name
from wework_message.entrypoints.rest.http.routing import PUBLIC, get

_HTML: Final = (b"content-type", b"text/html; charset=utf-8")
_POLICY: Final = (
    b"content-security-policy",
    b"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
)
_A_DAY: Final = (b"cache-control", b"public, max-age=86400")

_PAGE: Final = b"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>wework-message API</title>
<link rel="icon" type="image/png" href="swagger-ui/favicon-32x32.png">
<link rel="stylesheet" href="swagger-ui/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="swagger-ui/swagger-ui-bundle.js"></script>
<script src="swagger-ui/initializer.js"></script>
</body>
</html>
"""
"""Its links are relative, so that it works below the context path and without it."""

_INITIALIZER: Final = b"""window.ui = SwaggerUIBundle({
  url: new URL("v3/api-docs", document.baseURI).href,
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
});
"""

_ASSETS: Final = {
    "swagger-ui.css": b"text/css; charset=utf-8",
    "swagger-ui-bundle.js": b"text/javascript; charset=utf-8",
    "favicon-32x32.png": b"image/png",
}
"""The files of the bundle that the page needs."""


@get("/v3/api-docs", scope=PUBLIC)
async def get_api_docs(api: ApiDependency, request: Request[Any, Any, Any]) -> Answer:
    """The document, with the server address that this client used."""
    return Answer(OK, api.document(request.scope["state"]["prefix"]))


@get("/swagger-ui.html", scope=PUBLIC)
async def get_page() -> Answer:
    """Swagger UI."""
    return Answer(OK, _PAGE, (_HTML, _POLICY))


@get("/swagger-ui/{asset:str}", scope=PUBLIC)
async def get_asset(asset: Name) -> Answer:
    """One file of the page."""
    if asset == "initializer.js":
        return Answer(OK, _INITIALIZER, ((b"content-type", b"text/javascript; charset=utf-8"),))
    if asset not in _ASSETS:
        raise NotFoundError("page")
    return Answer(OK, await asyncio.to_thread(_read, asset), ((b"content-type", _ASSETS[asset]), _A_DAY))


@cache
def _read(name: str) -> bytes:
    folder: Traversable = swagger_ui_path
    return folder.joinpath(name).read_bytes()
