"""The key never comes out, however a server hands it back; and nothing else is lost."""

import gzip

import pytest

from conformance.probes.masking import Mask, Unpacked
from tests.probes.test_sending import KEY

SECRET = b"sk-very-secret-0123456789"


@pytest.mark.parametrize("cut", range(len(SECRET) + 1))
def test_a_key_in_two_reads_is_blotted_out_wherever_it_is_cut(cut):
    mask = Mask(KEY)
    text = b"<" + SECRET + b">"
    assert mask.feed(text[: cut + 1]) + mask.feed(text[cut + 1 :]) + mask.rest() == b"<" + b"*" * 25 + b">"


def test_what_only_begins_like_the_key_comes_out_in_the_end():
    mask = Mask(KEY)
    assert (mask.feed(b"a task"), mask.feed(b"-list sk"), mask.rest()) == (b"a ta", b"sk-list ", b"sk")
    assert mask.keeps is False


def test_a_word_that_is_no_secret_stays():
    mask = Mask("ollama")
    assert mask.feed(b"owned_by ollama") == b"owned_by ollama"


def test_half_a_key_that_ends_the_answer_is_blotted_out_too():
    mask = Mask(KEY)
    assert (b"You are ", False) == (mask.feed(b"You are sk-"), mask.certain)
    assert (b"", True) == (mask.feed(b"\r\n1\r\nv\r\n"), mask.certain)
    assert b"***\r\n1\r\n*\r\n" == mask.rest()


FRAMED = [b"\r\n1a\r\n", b"\r\nF;name=value\r\n"]


@pytest.mark.parametrize("framing", FRAMED)
@pytest.mark.parametrize("cut", range(1, len(SECRET)))
def test_a_key_in_two_chunks_is_blotted_out_and_the_framing_stays(framing, cut):
    text = b"<" + SECRET[:cut] + framing + SECRET[cut:] + b">"
    wanted = b"<" + b"*" * cut + framing + b"*" * (25 - cut) + b">"
    for size in (1, 7, len(text)):
        mask = Mask(KEY)
        pieces = [mask.feed(text[start : start + size]) for start in range(0, len(text), size)]
        assert wanted == b"".join([*pieces, mask.rest()])


def test_a_key_with_each_letter_in_a_chunk_of_its_own_is_blotted_out():
    mask = Mask(KEY)
    text = b"".join(b"1\r\n%c\r\n" % letter for letter in SECRET) + b"0\r\n\r\n"
    got = b"".join([*(mask.feed(bytes([byte])) for byte in text), mask.rest()])
    assert b"1\r\n*\r\n" * 25 + b"0\r\n\r\n" == got


def test_a_chunk_size_that_could_be_the_start_of_a_key_is_not_lost():
    mask = Mask("abcdef0123")
    assert b"x\r\nabc" == mask.feed(b"x\r\nabc") + mask.rest()
    mask = Mask("abcdef0123")
    assert b"x\r\n**********" == mask.feed(b"x\r\nabc") + mask.feed(b"def0123") + mask.rest()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"


@pytest.mark.parametrize("size", [1, 16, 10_000])
def test_of_a_compressed_body_with_the_key_nothing_comes_out_from_there_on(size):
    noise = gzip.compress(bytes(range(256)) * 4)
    body = noise + gzip.compress(b"You are " + SECRET) + noise
    unpacked = Unpacked(KEY)
    got = b"".join(unpacked.feed((HEAD + body)[at : at + size]) for at in range(0, len(HEAD + body), size))
    assert unpacked.found
    assert (HEAD + body).startswith(got + unpacked.rest())
    told = gzip.decompress(noise)
    assert len(got) <= len(HEAD + noise) + len(gzip.compress(b"You are " + SECRET))
    reader = Unpacked("another-key-of-ours")
    assert HEAD + body == b"".join(reader.feed((HEAD + body)[at : at + 3]) for at in range(0, len(HEAD + body), 3))
    assert told
