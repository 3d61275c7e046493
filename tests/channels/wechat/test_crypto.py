"""Signatures and encryption, against the published vectors and against wechatpy in both directions."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wechatpy.crypto import WeChatCrypto

from channels import xml
from channels.wechat.crypto import BadCiphertext, BadKey, Cipher, open_with
from channels.wechat.messages import envelope_xml
from channels.wechat.signature import FRESH_SECONDS, is_fresh, is_signed, sign, sign_page

VECTORS = json.loads((Path(__file__).parents[2] / "data/channels/crypto_vectors.json").read_text())
ENCRYPTED = VECTORS["encrypted"]
KEY, OTHER_KEY = "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
APP_ID, TOKEN = "wx49f0ab532d5d035a", "123456"


def named(vector: dict[str, Any]) -> str:
    return str(vector.get("id") or vector.get("kind"))


@pytest.mark.parametrize("vector", VECTORS["signature_plain"], ids=named)
def test_plain_signatures_are_tencents(vector: dict[str, Any]) -> None:
    parts = vector["token"], vector["timestamp"], vector["nonce"]
    assert is_signed(vector["signature"], *parts)
    assert not is_signed(vector["signature"], vector["token"], vector["timestamp"], vector["nonce"] + "1")


@pytest.mark.parametrize("vector", [v for v in ENCRYPTED if "msg_signature" in v], ids=named)
def test_signatures_of_encrypted_messages_are_tencents(vector: dict[str, Any]) -> None:
    assert is_signed(vector["msg_signature"], vector["token"], vector["timestamp"], vector["nonce"], vector["encrypt"])


@pytest.mark.parametrize("vector", ENCRYPTED, ids=named)
def test_what_others_encrypted_is_read(vector: dict[str, Any]) -> None:
    plain = Cipher(vector["encoding_aes_key"], vector["receive_id"]).decrypt(vector["encrypt"])
    if "plaintext" in vector:
        assert plain == vector["plaintext"]
    fields = xml.parse(plain.encode()) if "plaintext_fields" in vector else {}
    assert vector.get("plaintext_fields", {}).items() <= fields.items()


@pytest.mark.parametrize("vector", [v for v in ENCRYPTED if "random16" in v and "plaintext" in v], ids=named)
def test_with_the_same_random_bytes_we_encrypt_to_the_letter_as_they_do(vector: dict[str, Any]) -> None:
    cipher = Cipher(vector["encoding_aes_key"], vector["receive_id"])
    assert cipher.encrypt(vector["plaintext"], vector["random16"].encode()) == vector["encrypt"]


@pytest.mark.parametrize("vector", [v for v in ENCRYPTED if "body_xml" in v], ids=named)
def test_the_ciphertext_is_found_in_the_body(vector: dict[str, Any]) -> None:
    body = vector["body_xml"].replace("{encrypt}", vector["encrypt"])
    assert xml.text(xml.parse(body.encode()), "Encrypt") == vector["encrypt"]


def test_the_envelope_of_an_answer_has_the_published_fields() -> None:
    vector = next(v for v in ENCRYPTED if "expected_envelope_xml" in v)
    ours = envelope_xml(vector["encrypt"], vector["msg_signature"], vector["timestamp"], vector["nonce"])
    assert xml.parse(ours.encode()) == xml.parse(vector["expected_envelope_xml"].encode())


@pytest.mark.parametrize("vector", VECTORS["negative"], ids=named)
def test_a_wrong_nonce_is_a_wrong_signature(vector: dict[str, Any]) -> None:
    assert not is_signed(
        vector["msg_signature"], vector["token"], vector["timestamp"], vector["nonce"], vector["encrypt"]
    )


@pytest.mark.parametrize("vector", VECTORS["js_sdk"], ids=lambda v: str(v["url"]))
def test_pages_are_signed_for_the_js_sdk(vector: dict[str, Any]) -> None:
    asked = vector["jsapi_ticket"], vector["noncestr"], vector["timestamp"]
    assert sign_page(*asked, vector["url"]) == vector["signature"] == sign_page(*asked, vector["url"] + "#part")


@pytest.mark.parametrize("signature", ["", "é", "\udce9", "0" * 40, sign("a", "b", "c").upper()])
def test_odd_signatures_are_wrong_ones(signature: str) -> None:
    assert not is_signed(signature, "a", "b", "c")


@pytest.mark.parametrize(
    ("timestamp", "fresh"),
    [
        ("1000", True),
        (str(1000 + FRESH_SECONDS), True),
        (str(999 - FRESH_SECONDS), False),
        (str(1001 + FRESH_SECONDS), False),
    ]
    + [(odd, False) for odd in ("", "-1", "1e3", "１０００", "9" * 400, "1000.0")],
)
def test_a_delivery_is_of_these_minutes(timestamp: str, fresh: bool) -> None:
    assert is_fresh(timestamp, 1000) is fresh


@settings(max_examples=60)
@given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=400), st.binary(min_size=16, max_size=16))
def test_wechatpy_reads_what_we_encrypt(message: str, random16: bytes) -> None:
    encrypted = Cipher(KEY, APP_ID).encrypt(message, random16)
    signature = sign(TOKEN, "1", "n", encrypted)
    oracle = WeChatCrypto(TOKEN, KEY, APP_ID)
    assert oracle.decrypt_message({"Encrypt": encrypted}, signature, "1", "n") == message


@pytest.mark.parametrize("message", ["", "a", "实习给不给钱?", "x" * 11, "x" * 12, "x" * 13, "长" * 5000])
def test_we_read_what_wechatpy_encrypts(message: str) -> None:
    sealed = xml.parse(WeChatCrypto(TOKEN, KEY, APP_ID).encrypt_message(message, "n", "1").encode())
    encrypted = xml.text(sealed, "Encrypt")
    assert is_signed(xml.text(sealed, "MsgSignature"), TOKEN, "1", "n", encrypted)
    assert Cipher(KEY, APP_ID).decrypt(encrypted) == message


def test_while_a_key_is_changed_both_are_read_and_answered_with_the_one_that_was_used() -> None:
    new, old = Cipher(OTHER_KEY, APP_ID), Cipher(KEY, APP_ID)
    assert open_with([new, old], old.encrypt("旧", b"0" * 16)) == ("旧", old)
    assert open_with([new, old], new.encrypt("新", b"0" * 16)) == ("新", new)


def damaged() -> dict[str, str]:
    good = Cipher(KEY, APP_ID).encrypt("实习给不给钱?", b"0" * 16)
    return {
        "empty": "",
        "no base64": "你好",
        "cut": good[:-4],
        "cut to a whole block": good[:43] + "=",
        "changed": ("A" if good[0] != "A" else "B") + good[1:-8] + "AAAAAAA=",
        "of another account": Cipher(KEY, "wx0000000000000000").encrypt("a", b"0" * 16),
        "with another key": Cipher(OTHER_KEY, APP_ID).encrypt("a", b"0" * 16),
        "with words after the account": Cipher(KEY, APP_ID + "x").encrypt("a", b"0" * 16),
    }


@pytest.mark.parametrize("kind", damaged())
def test_damaged_or_foreign_ciphertexts_are_refused(kind: str) -> None:
    with pytest.raises(BadCiphertext):
        open_with([Cipher(KEY, APP_ID)], damaged()[kind])


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(content: bytes) -> None:
    import base64

    with pytest.raises(BadCiphertext):
        Cipher(KEY, APP_ID).decrypt(base64.b64encode(content).decode())


@pytest.mark.parametrize("key", ["", "short", KEY + "A", KEY[:-1] + "!"])
def test_a_key_that_cannot_be_one_is_said_so(key: str) -> None:
    with pytest.raises(BadKey, match="43"):
        Cipher(key, APP_ID)
