"""The address of a service with these settings, as this machine reaches it."""

from wework_message.bootstrap.settings import Loaded


def own_url(loaded: Loaded, port: int) -> str:
    """The root of the API, with the context path, at the port that it has got."""
    host = loaded.listen_host
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 -- compared, not bound
    return f"http://{reachable}:{port}{loaded.settings.server.context_path}"
