"""Makes the two ends of a link between two parties, over Unix sockets or loopback TCP. Nothing keeps listening."""

import os
import socket

from ..errors import ChannelError, OptionError

TRANSPORTS = ("unix", "tcp")


def transport() -> str:
    """What links are made of: RAMP_TRANSPORT, or the best that this system has."""
    name = os.environ.get("RAMP_TRANSPORT") or ("unix" if hasattr(socket, "AF_UNIX") else "tcp")
    if name not in TRANSPORTS:
        raise OptionError(f"RAMP_TRANSPORT is {name!r}; it may be {' or '.join(TRANSPORTS)}")
    return name


def make_link(kind: str) -> tuple[socket.socket, socket.socket]:
    """Two connected stream sockets."""
    if kind == "unix":
        return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        near = socket.create_connection(listener.getsockname())
        far, address = listener.accept()
    if address != near.getsockname():  # another local program was faster; the parties' handshake would refuse it too
        near.close()
        far.close()
        raise ChannelError("a foreign process connected to a link that was being made; run the cell again")
    return near, far
