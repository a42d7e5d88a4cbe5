"""The least service for files, as a process of its own: what it costs the machine to take files in and to serve them.

`POST` hashes the body with SHA-256 and MD5, writes it to a file and synchronises that, and answers its path; `GET` of that path sends it. A thread for each
connection, blocking calls: nothing is parsed but the head. Prints its port. `python -m bench.bare_files FOLDER`
"""

import hashlib
import os
import socket
import socketserver
import sys
from pathlib import Path
from typing import Final

_READ_BYTES: Final = 262_144
_BEGIN_BYTES: Final = 1_048_576
_ANSWER: Final = b"HTTP/1.1 %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"


class Exchange(socketserver.BaseRequestHandler):
    """One request, after which the connection is closed."""

    request: socket.socket
    folder = Path()

    def handle(self) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            if not (more := self.request.recv(_READ_BYTES)):
                return
            received += more
        head, _, body = received.partition(b"\r\n\r\n")
        request_line, *headers = head.lower().split(b"\r\n")
        method, target, _ = request_line.split(b" ")
        if method == b"post":
            length = next(int(line[15:]) for line in headers if line.startswith(b"content-length:"))
            self._take(body, length)
        else:
            self._serve(self.folder / target.rpartition(b"/")[2].decode())

    def _take(self, body: bytes, length: int) -> None:
        sha256, md5, buffer = hashlib.sha256(), hashlib.md5(usedforsecurity=False), bytearray(_READ_BYTES)
        path = self.folder / f"{self.client_address[1]}.part"
        with path.open("wb", buffering=0) as file:
            piece, left, position, begun = memoryview(body), length, 0, 0
            while True:
                for hashed in (sha256, md5):
                    hashed.update(piece)
                file.write(piece)
                left -= len(piece)
                position += len(piece)
                if (
                    position - begun >= _BEGIN_BYTES
                ):  # so that the end has little to write, and no commit on this disk waits for it
                    os.posix_fadvise(file.fileno(), begun, position - begun, os.POSIX_FADV_DONTNEED)
                    begun = position
                if left <= 0:
                    break
                piece = memoryview(buffer)[: self.request.recv_into(buffer)]
            os.fsync(file.fileno())
        path.rename(self.folder / sha256.hexdigest())
        answer = f"/files/{sha256.hexdigest()}".encode()
        self.request.sendall(_ANSWER % (b"201 Created", len(answer)) + answer)

    def _serve(self, path: Path) -> None:
        with path.open("rb") as file:
            self.request.sendall(_ANSWER % (b"200 OK", path.stat().st_size))
            self.request.sendfile(file)
        path.unlink()


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


def main() -> None:
    Exchange.folder = Path(sys.argv[1])
    with Server(("127.0.0.1", 0), Exchange) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
