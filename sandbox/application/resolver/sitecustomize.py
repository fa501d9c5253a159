"""Python looks this up as it starts: names are asked of the sandbox's resolver, as an instance asks its VPC's.

Standard library alone, for it runs inside other people's programs.
"""

import os
import random
import socket
import struct

_server = os.environ.get("SANDBOX_NAMESERVER", "")
_system = socket.getaddrinfo


def _ask(name: str) -> list[str]:
    number = random.randrange(65536)
    labels = [label.encode("idna") for label in name.rstrip(".").split(".")]
    question = b"".join(bytes([len(label)]) + label for label in labels) + b"\0" + struct.pack(">HH", 1, 1)
    host, _, port = _server.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(5)
        asking.connect((host, int(port)))
        asking.send(struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + question)
        answer = asking.recv(4096)
    _, flags, _, count, _, _ = struct.unpack_from(">HHHHHH", answer)
    found, at = [], 12 + len(question)
    for _ in range(count if flags & 15 == 0 else 0):
        while answer[at] and answer[at] < 192:
            at += answer[at] + 1
        at += 2 if answer[at] >= 192 else 1
        kind, _, _, length = struct.unpack_from(">HHIH", answer, at)
        at += 10
        if kind == 1:
            found.append(socket.inet_ntoa(answer[at : at + length]))
        at += length
    return found


def _literal(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
            return True
        except OSError:
            continue
    return False


def _getaddrinfo(host, port, *args, **more):
    text = host.decode() if isinstance(host, bytes) else host
    if not text or text == "localhost" or _literal(text):
        return _system(host, port, *args, **more)
    try:
        addresses = _ask(text)
    except OSError as problem:
        raise socket.gaierror(socket.EAI_AGAIN, f"Temporary failure in name resolution: {problem}") from None
    if not addresses:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return [entry for address in addresses for entry in _system(address, port, *args, **more)]


if _server:
    socket.getaddrinfo = _getaddrinfo
