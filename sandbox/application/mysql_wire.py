"""MySQL's protocol as far as a proxy needs it that logs both sides in and then passes everything on.

Source: MySQL internals manual, "Connection Phase" (HandshakeV10, HandshakeResponse41, caching_sha2_password fast path).
"""

from __future__ import annotations

import hashlib
import secrets
import struct
from dataclasses import dataclass

PLUGIN = b"caching_sha2_password"
NATIVE = b"mysql_native_password"

LONG_PASSWORD = 1 << 0
CONNECT_WITH_DB = 1 << 3
COMPRESS = 1 << 5
PROTOCOL_41 = 1 << 9
SSL = 1 << 11
SECURE_CONNECTION = 1 << 15
PLUGIN_AUTH = 1 << 19
CONNECT_ATTRS = 1 << 20
PLUGIN_AUTH_LENENC = 1 << 21
ZSTD = 1 << 26
OK = b"\x00\x00\x00\x02\x00\x00\x00"


class Broken(Exception):
    """What came is not MySQL's protocol, or more of it than is known here."""


@dataclass(frozen=True)
class Greeting:
    """The first packet of a server."""

    version: bytes
    capabilities: int
    nonce: bytes
    """20 bytes that a password is scrambled with."""


@dataclass(frozen=True)
class Response:
    """What a client answers to it. `plugin` is how it scrambled; `database` is "" where it names none."""

    capabilities: int
    user: str
    auth: bytes
    database: str
    plugin: bytes


def packet(sequence: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "little") + bytes([sequence & 0xFF]) + payload


def new_nonce() -> bytes:
    """20 bytes without zero (they travel in a zero-terminated field)."""
    return bytes(secrets.choice(range(1, 128)) for _ in range(20))


def greeting(version: bytes, capabilities: int, nonce: bytes) -> bytes:
    """HandshakeV10 for a client; `capabilities` are those of the server behind."""
    able = (capabilities & ~(COMPRESS | ZSTD)) & 0xFFFFFFFF
    able |= (
        LONG_PASSWORD
        | CONNECT_WITH_DB
        | PROTOCOL_41
        | SSL
        | SECURE_CONNECTION
        | PLUGIN_AUTH
        | PLUGIN_AUTH_LENENC
    )
    return b"".join(
        [
            b"\x0a",
            version,
            b"\0",
            struct.pack("<I", secrets.randbelow(2**31)),
            nonce[:8],
            b"\0",
            struct.pack("<H", able & 0xFFFF),
            b"\xff",
            struct.pack("<H", 2),
            struct.pack("<H", able >> 16),
            bytes([21]),
            bytes(10),
            nonce[8:],
            b"\0",
            PLUGIN,
            b"\0",
        ]
    )


def parse_greeting(payload: bytes) -> Greeting:
    """Raises Broken; an error packet's text is in it."""
    if payload[:1] == b"\xff":
        raise Broken(payload[3:].decode(errors="replace"))
    if payload[:1] != b"\x0a":
        raise Broken("the server speaks another protocol")
    version, _, rest = payload[1:].partition(b"\0")
    low, high = struct.unpack_from("<H", rest, 13)[0], struct.unpack_from("<H", rest, 18)[0]
    nonce = rest[4:12] + rest[31:43]
    return Greeting(version, low | high << 16, nonce)


def wants_tls(payload: bytes) -> bool:
    """Whether a client's packet is an SSLRequest: the begin of a response, with the flag for TLS."""
    return len(payload) == 32 and bool(struct.unpack_from("<I", payload)[0] & SSL)


def parse_response(payload: bytes) -> Response:
    """HandshakeResponse41. Raises Broken."""
    if len(payload) < 33:
        raise Broken("the client's answer is too short")
    capabilities = struct.unpack_from("<I", payload)[0]
    if not capabilities & PROTOCOL_41:
        raise Broken("the client's protocol is too old")
    user, _, rest = payload[32:].partition(b"\0")
    length = rest[0] if rest else 0
    if length >= 0xFB:
        raise Broken("the client's answer is too long")
    auth, rest = rest[1 : 1 + length], rest[1 + length :]
    database = b""
    if capabilities & CONNECT_WITH_DB:
        database, _, rest = rest.partition(b"\0")
    plugin = rest.partition(b"\0")[0] if capabilities & PLUGIN_AUTH else NATIVE
    return Response(capabilities, user.decode(errors="replace"), auth, database.decode(), plugin)


def login(client: int, server: int, user: str, password: str, nonce: bytes, schema: str) -> bytes:
    """HandshakeResponse41 for the server behind, with what the client can do as far as the server can."""
    able = client & server & ~(SSL | COMPRESS | ZSTD | CONNECT_ATTRS | PLUGIN_AUTH_LENENC)
    # The first flag tells MariaDB that this is a client without MariaDB's own extensions.
    able |= LONG_PASSWORD | PROTOCOL_41 | SECURE_CONNECTION | CONNECT_WITH_DB | PLUGIN_AUTH
    scrambled = native(password, nonce)
    head = struct.pack("<IIB", able, 1 << 24, 45) + bytes(23)
    names = user.encode() + b"\0" + bytes([len(scrambled)]) + scrambled + schema.encode() + b"\0"
    return head + names + NATIVE + b"\0"


def native(password: str, nonce: bytes) -> bytes:
    """SHA1(password) XOR SHA1(nonce + SHA1(SHA1(password)))."""
    first = hashlib.sha1(password.encode()).digest()
    second = hashlib.sha1(nonce + hashlib.sha1(first).digest()).digest()
    return bytes(a ^ b for a, b in zip(first, second, strict=True))


def sha2(password: str, nonce: bytes) -> bytes:
    """SHA256(password) XOR SHA256(SHA256(SHA256(password)) + nonce)."""
    first = hashlib.sha256(password.encode()).digest()
    second = hashlib.sha256(hashlib.sha256(first).digest() + nonce).digest()
    return bytes(a ^ b for a, b in zip(first, second, strict=True))


def auth_switch(nonce: bytes) -> bytes:
    return b"\xfe" + PLUGIN + b"\0" + nonce + b"\0"


FAST_AUTH_OK = b"\x01\x03"


def error(code: int, state: str, text: str, *, before_login: bool = False) -> bytes:
    """An error packet; the SQL state is not sent before the client has told what it can do."""
    head = b"\xff" + struct.pack("<H", code)
    return head + (b"" if before_login else b"#" + state.encode()) + text.encode()
