"""Which user of this machine is at the other end of a connection, as Linux says. Any thread; owns nothing.

A cookie is sent to every port of a name: the server of another user, which a browser was led to, could learn that of
the page. It is of no use to them where the page answers its own user alone. The kernel is asked for the one socket, by
sock_diag(7): reading the list of all of them takes longer than a page.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct

_SOCK_DIAG, _BY_FAMILY, _REQUEST = 4, 20, 1
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_WANTED = struct.Struct("=BBBxI")  # family, protocol, extensions, states
_PORTS = struct.Struct("!HH")
_ANY_COOKIE = b"\xff" * 8
# Behind the header: family, state, timer and retransmissions, the socket's addresses, three counters.
_UID_AT = _HEADER.size + 4 + 48 + 12
ANSWER_S = 1.0

Address = tuple[str, int]


def is_own(client: Address | None, server: Address) -> bool:
    """Return whether a client of this machine is this user's, or root's.

    True, too, where that cannot be known: on another system, or for a client that is elsewhere.
    """
    user = _user_of(client, server) if client is not None else None
    return user in (None, 0, os.geteuid())


def _user_of(client: Address, server: Address) -> int | None:
    """Return the user of the socket at `client` that is connected to `server`, None where that is not known."""
    if not hasattr(socket, "AF_NETLINK"):
        return None
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _SOCK_DIAG) as kernel:
            kernel.settimeout(ANSWER_S)
            kernel.send(_request(client, server))
            answer = kernel.recv(4096)
    except (OSError, ValueError):
        return None
    kind = _HEADER.unpack_from(answer)[1] if len(answer) >= _HEADER.size else 0
    if kind != _BY_FAMILY or len(answer) < _UID_AT + 4:
        return None
    return int(struct.unpack_from("=I", answer, _UID_AT)[0])


def _request(client: Address, server: Address) -> bytes:
    here, there = (ipaddress.ip_address(name) for name, _ in (client, server))
    family = socket.AF_INET if here.version == 4 else socket.AF_INET6
    places = here.packed.ljust(16, b"\0") + there.packed.ljust(16, b"\0")
    wanted = _WANTED.pack(family, socket.IPPROTO_TCP, 0, 0xFFFFFFFF)
    body = wanted + _PORTS.pack(client[1], server[1]) + places + bytes(4) + _ANY_COOKIE
    return _HEADER.pack(_HEADER.size + len(body), _BY_FAMILY, _REQUEST, 1, 0) + body
