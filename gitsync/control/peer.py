"""Who is at the other end of a Unix socket, as the kernel says. Any thread may call it."""

from __future__ import annotations

import socket
import struct
import sys

# sys/ucred.h and sys/un.h of macOS and the BSDs; Python has no names for them.
_SOL_LOCAL = 0
_LOCAL_PEERCRED = 1
_XUCRED_BYTES = 76
_IS_LINUX = sys.platform == "linux"


def peer_uid(connection: socket.socket) -> int:
    """Return the user id of the process that connected. Raise OSError when the system does not tell."""
    if _IS_LINUX:
        answer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("iII"))
        return int(struct.unpack("iII", answer)[1])
    answer = connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED_BYTES)
    return int(struct.unpack_from("II", answer)[1])
