"""Sealed data opens only with its key, for its document, and unchanged."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.store.sealing import VERSION, Seal, SealBroken

SEAL = Seal(b"a key")


@given(st.binary(max_size=300), st.text(max_size=20))
def test_what_was_sealed_opens(data: bytes, context: str) -> None:
    assert SEAL.open(SEAL.seal(data, context), context) == data


def test_the_same_data_never_looks_the_same() -> None:
    assert SEAL.seal(b"hello", "1") != SEAL.seal(b"hello", "1")
    assert b"hello" not in base64.b64decode(SEAL.seal(b"hello", "1").removeprefix(VERSION))


def test_another_key_or_document_does_not_open() -> None:
    sealed = SEAL.seal(b"hello", "1")
    for seal, context in ((Seal(b"another key"), "1"), (SEAL, "2")):
        with pytest.raises(SealBroken):
            seal.open(sealed, context)


def test_every_changed_byte_is_noticed() -> None:
    raw = base64.b64decode(SEAL.seal(b"hello", "1").removeprefix(VERSION))
    for index in range(len(raw)):
        changed = raw[:index] + bytes([raw[index] ^ 1]) + raw[index + 1 :]
        with pytest.raises(SealBroken):
            SEAL.open(VERSION + base64.b64encode(changed).decode(), "1")


@pytest.mark.parametrize("nonsense", ["", "s1.", "s1.????", "s2.AAAA", "x"])
def test_nonsense_does_not_open(nonsense: str) -> None:
    with pytest.raises(SealBroken):
        SEAL.open(nonsense, "1")
