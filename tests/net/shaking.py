"""A server that does nothing but shake hands, in a thread of its own."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from pathlib import Path

from tests.net.pki import Made


class Shaking:
    """Shows a certificate to everybody who comes, one by one."""

    def __init__(self, folder: Path, made: Made) -> None:
        self._folder = folder
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._run)
        self.port: int = self._listening.getsockname()[1]
        self.context: ssl.SSLContext | None = None
        """None: hang up in place of it."""
        self.show(made)
        self._thread.start()

    def show(self, made: Made) -> None:
        """Show this certificate from now on; weak ones too."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.load_cert_chain(made.put(self._folder).certificate)
        self.context = context

    def stop(self) -> None:
        """Listen no more."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def _run(self) -> None:
        with self._listening:
            while True:
                try:
                    connection, _ = self._listening.accept()
                except OSError:
                    return
                with connection, contextlib.suppress(OSError):
                    if self.context is not None:
                        self.context.wrap_socket(connection, server_side=True).close()
