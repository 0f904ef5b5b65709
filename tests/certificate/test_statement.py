"""The statement is one that others can read: in-toto's own reader, and any implementation of DSSE."""

import base64
import hashlib
import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from conformance.certificate.parts import KEY, PROFILE, STATEMENT

from .making import made


def pre_authentication(kind: bytes, payload: bytes) -> bytes:
    """As the DSSE specification, version 1, says it."""
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def test_the_signature_is_one_of_ed25519_over_the_pre_authentication_encoding():
    envelope = json.loads(made().files[STATEMENT])
    payload = base64.b64decode(envelope["payload"], validate=True)
    signature = base64.b64decode(envelope["signatures"][0]["sig"], validate=True)
    signed = pre_authentication(envelope["payloadType"].encode(), payload)
    key = load_pem_public_key(made().files[KEY])
    key.verify(signature, signed)
    with pytest.raises(InvalidSignature):
        key.verify(signature, signed + b" ")


def test_the_statement_is_a_test_result_about_every_other_file():
    statement = json.loads(base64.b64decode(json.loads(made().files[STATEMENT])["payload"]))
    assert "https://in-toto.io/Statement/v1" == statement["_type"]
    assert "https://in-toto.io/attestation/test-result/v0.1" == statement["predicateType"]
    digests = {subject["name"]: subject["digest"]["sha256"] for subject in statement["subject"]}
    assert {n: hashlib.sha256(c).hexdigest() for n, c in made().files.items() if n != STATEMENT} == digests
    assert {"result", "configuration", "passedTests", "warnedTests", "failedTests"} == set(statement["predicate"])
    assert digests[PROFILE] == statement["predicate"]["configuration"][0]["digest"]["sha256"]


def test_in_totos_own_reader_takes_it():
    pytest.importorskip("in_toto_attestation", reason="in-toto-attestation is not installed")
    from google.protobuf import json_format
    from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
    from in_toto_attestation.v1 import statement_pb2
    from in_toto_attestation.v1.statement import Statement

    value = json.loads(base64.b64decode(json.loads(made().files[STATEMENT])["payload"]))
    read = Statement([], "", {})
    read.pb = json_format.ParseDict(value, statement_pb2.Statement())
    read.validate()
    result = json_format.ParseDict(value["predicate"], test_result_pb2.TestResult())
    found = json_format.MessageToDict(result)
    assert ("PASSED", value["predicate"]["passedTests"]) == (found["result"], found["passedTests"])
