"""A peer of network-chat made of Qt's own parts: qt_peer.py PORT USER SAID UNTIL

It connects, greets, pings, says SAID, and prints each item that it reads, until the
text UNTIL has come. It ends the array, and waits for the relay to hang up.
"""

import sys
from importlib import import_module
from typing import Any

MS = 20_000
try:
    QtCore: Any = import_module("PySide2.QtCore")
    QtNetwork: Any = import_module("PySide2.QtNetwork")
except ImportError:
    QtCore = import_module("PySide6.QtCore")
    QtNetwork = import_module("PySide6.QtNetwork")


def write(writer: Any, kind: int, text: str = "") -> None:
    writer.startMap(1)
    writer.append(kind)
    if text:
        writer.append(text)
    else:
        writer.appendNull()
    writer.endMap()


class Items:
    """Reads the items of a socket."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.reader = QtCore.QCborStreamReader(stream)

    def ready(self, there: Any) -> None:
        """Wait until this is so."""
        while not there():
            if not self.stream.waitForReadyRead(MS):
                sys.exit("nothing came")
            self.reader.reparse()

    def begin(self) -> None:
        self.ready(self.reader.isArray)
        self.reader.enterContainer()

    def item(self) -> tuple[int, str]:
        reader = self.reader
        self.ready(lambda: reader.isMap() and reader.length() == 1)
        reader.enterContainer()
        self.ready(reader.isInteger)
        kind = reader.toInteger()
        reader.next()
        self.ready(lambda: reader.isString() or reader.isNull())
        text = ""
        if reader.isNull():
            reader.next()
        else:
            part = reader.readString()
            while part.status != reader.EndOfString:
                text += part.data
                part = reader.readString()
        reader.leaveContainer()
        return kind, text


def main(port: str, user: str, said: str, until: str) -> None:
    socket = QtNetwork.QTcpSocket()
    socket.connectToHost("127.0.0.1", int(port))
    if not socket.waitForConnected(MS):
        sys.exit(socket.errorString())
    writer = QtCore.QCborStreamWriter(socket)
    writer.startArray()
    write(writer, 3, user)
    items = Items(socket)
    items.begin()
    text = ""
    while text != until:
        kind, text = items.item()
        sys.stdout.write(f"{kind} {text}\n")
        if kind == 3:
            write(writer, 1)
            write(writer, 0, said)
    writer.endArray()
    if not socket.waitForDisconnected(MS):
        sys.exit("the relay did not hang up")


if __name__ == "__main__":
    main(*sys.argv[1:])
