"""The Secure Remote Password protocol as Cognito speaks it (USER_SRP_AUTH), the server's side.

Group: the 3,072-bit MODP group of RFC 3526 with g = 2; SHA-256. Numbers are hashed as hex with a leading 00 where the
first bit is set; the key is HKDF's with the info "Caldera Derived Key" (source: amazon-cognito-identity-js,
AuthenticationHelper). What is stored of a password is a verifier, g^x.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

N = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7"
    "ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C"
    "BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
    16,
)
G = 2
_INFO = b"Caldera Derived Key\x01"


def padded(number: int) -> bytes:
    """A number's bytes as they are hashed: a leading zero byte where the first bit is set."""
    text = f"{number:x}"
    text = text if len(text) % 2 == 0 else f"0{text}"
    return bytes.fromhex(f"00{text}" if text[0] in "89abcdef" else text)


def _hashed(*parts: bytes) -> int:
    return int(hashlib.sha256(b"".join(parts)).hexdigest(), 16)


K = _hashed(padded(N), padded(G))


def verifier(pool: str, username: str, password: str, salt: str) -> int:
    """g^x of a password. pool: the pool's id; salt: hex."""
    inner = hashlib.sha256(f"{pool.partition('_')[2]}{username}:{password}".encode()).digest()
    return pow(G, _hashed(padded(int(salt, 16)), inner), N)


def offer(kept: int) -> tuple[int, int]:
    """The server's secret b and its public B for a stored verifier."""
    b = secrets.randbits(256)
    return b, (K * kept + pow(G, b, N)) % N


def key(a_public: int, b: int, b_public: int, kept: int) -> bytes:
    """The 16 bytes that client and server share, if the client knows the password."""
    u = _hashed(padded(a_public), padded(b_public))
    shared = pow(a_public * pow(kept, u, N), b, N)
    extracted = hmac.new(padded(u), padded(shared), hashlib.sha256).digest()
    return hmac.new(extracted, _INFO, hashlib.sha256).digest()[:16]


def signature(key: bytes, pool: str, username: str, block: bytes, timestamp: str) -> bytes:
    """What the client claims to know the password by."""
    told = pool.partition("_")[2].encode() + username.encode() + block + timestamp.encode()
    return hmac.new(key, told, hashlib.sha256).digest()
