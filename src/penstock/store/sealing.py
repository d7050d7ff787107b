"""Seals what must not lie readable in the database: the data of block documents.

Encrypt-then-authenticate from the standard library's keyed BLAKE2b: a keystream in counter mode under one
derived key, a 256-bit tag under another, over nonce, context and ciphertext. Why not a cipher of a library,
and what this protects against: docs/decisions/0005-sealed-block-data.md.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

from penstock.errors import PenstockError

VERSION = "s1."
NONCE_BYTES = 24
TAG_BYTES = 32
_BLOCK = 64


class SealBroken(PenstockError):
    """The data can't be decrypted: the key is another one than it was written with, or the data was changed."""

    code = "seal_broken"


class Seal:
    """Seals and opens with one key; any text of enough entropy will do as a key."""

    def __init__(self, key: bytes) -> None:
        master = hashlib.sha256(key).digest()
        self._cipher_key = hashlib.blake2b(key=master, person=b"penstock-cipher").digest()
        self._tag_key = hashlib.blake2b(key=master, person=b"penstock-tag").digest()

    def seal(self, data: bytes, context: str) -> str:
        """The sealed data as text; only the same `context` (what the data belongs to) opens it again."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        hidden = self._crypt(data, nonce)
        return VERSION + base64.b64encode(nonce + hidden + self._tag(nonce, hidden, context)).decode()

    def open(self, sealed: str, context: str) -> bytes:
        """The data; `SealBroken` when key, context or data are not those it was sealed with."""
        try:
            raw = base64.b64decode(sealed.removeprefix(VERSION), validate=True)
        except binascii.Error:
            raise SealBroken() from None
        nonce, hidden, tag = raw[:NONCE_BYTES], raw[NONCE_BYTES:-TAG_BYTES], raw[-TAG_BYTES:]
        if not sealed.startswith(VERSION) or not hmac.compare_digest(tag, self._tag(nonce, hidden, context)):
            raise SealBroken()
        return self._crypt(hidden, nonce)

    def _crypt(self, data: bytes, nonce: bytes) -> bytes:
        stream = b"".join(
            hashlib.blake2b(nonce + number.to_bytes(8, "big"), key=self._cipher_key).digest()
            for number in range(-(-len(data) // _BLOCK))
        )
        mixed = int.from_bytes(data, "big") ^ int.from_bytes(stream[: len(data)], "big")
        return mixed.to_bytes(len(data), "big")

    def _tag(self, nonce: bytes, hidden: bytes, context: str) -> bytes:
        about = context.encode()
        return hashlib.blake2b(
            len(about).to_bytes(8, "big") + about + nonce + hidden, key=self._tag_key, digest_size=TAG_BYTES
        ).digest()
