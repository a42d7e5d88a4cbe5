"""What the connections of one listener share."""

from uvicorn.server import ServerState


class ListenerState(ServerState):
    """uvicorn's, and whether the listener is about to end."""

    leaving: bool = False
    """Every answer from now on is the last one of its connection, and says so."""
