"""Sealing what is kept: AES-256-GCM with a key from the environment, or nothing."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from typing import Protocol

from eyebright.core.errors import InputError, StoreError

KEY_VARIABLE = "EYEBRIGHT_FACES_KEY"
_NONCE = 12
_WORK = 2**15  # of scrypt: 32 MB and a tenth of a second
_FEWEST = 12


class Cipher(Protocol):
    """Seals and opens bytes; `place` says where they belong, so that none can be moved to another row."""

    encrypted: bool

    def seal(self, data: bytes, place: str) -> bytes:
        """Return what may be written."""
        ...

    def open(self, sealed: bytes, place: str) -> bytes:
        """Return what was sealed; raises `StoreError` when it is not whole or the key is another one."""
        ...

    def token(self, text: str) -> bytes:
        """Return by what a text is looked up; the same text has always the same."""
        ...


class Plain:
    """Leaves everything as it is."""

    encrypted = False

    def seal(self, data: bytes, place: str) -> bytes:  # noqa: ARG002  (the protocol's argument)
        """Return `data`."""
        return data

    def open(self, sealed: bytes, place: str) -> bytes:  # noqa: ARG002  (the protocol's argument)
        """Return `sealed`."""
        return sealed

    def token(self, text: str) -> bytes:
        """Return the text."""
        return text.encode()


class AesGcm:
    """AES-256-GCM (NIST SP 800-38D), a random nonce before each text.

    Args:
        key: 32 bytes.
    """

    encrypted = True

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(key)
        self._token_key = hmac.digest(key, b"eyebright faces: tokens", "sha256")

    def seal(self, data: bytes, place: str) -> bytes:
        """Return nonce, text and tag."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, data, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """Return the text."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], place.encode())
        except (InvalidTag, ValueError) as error:
            raise StoreError(f"a sealed value of the face gallery cannot be opened ({place}): it is damaged") from error

    def token(self, text: str) -> bytes:
        """Return an HMAC (RFC 2104) of the text under a key of its own."""
        return hmac.digest(self._token_key, text.encode(), "sha256")


def given_key() -> str | None:
    """Return what the environment says, None when it says nothing."""
    return os.environ.get(KEY_VARIABLE) or None


def cipher_for(key: str | None, salt: bytes) -> Cipher:
    """Return the cipher for a key: 32 bytes in hexadecimal or base64 as they are, anything else by scrypt (RFC 7914).

    Raises:
        InputError: a passphrase of fewer than 12 characters; the package `cryptography` is not installed.
    """
    if key is None:
        return Plain()
    try:
        import cryptography  # noqa: F401  (only whether it is there)
    except ImportError as error:
        raise InputError(
            f"{KEY_VARIABLE} is set, but the package cryptography is missing; run: pip install 'eyebright[faces]'"
        ) from error
    raw = _as_bytes(key)
    if raw is None:
        if len(key) < _FEWEST:
            raise InputError(
                f"{KEY_VARIABLE}: expected 32 bytes in hexadecimal or base64, or a passphrase of at least {_FEWEST} "
                f"characters, got {len(key)}"
            )
        raw = hashlib.scrypt(key.encode(), salt=salt, n=_WORK, r=8, p=1, maxmem=2**26, dklen=32)
    return AesGcm(raw)


def _as_bytes(key: str) -> bytes | None:
    for decode in (bytes.fromhex, lambda text: base64.b64decode(text, validate=True)):
        try:
            raw = decode(key)
        except (ValueError, binascii.Error):
            continue
        if len(raw) == 32:
            return raw
    return None
