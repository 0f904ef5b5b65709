"""Endpoint: what is refused before anything is sent, and what the refusal says."""

import ssl

import pytest

from conformance.probes.endpoint import Endpoint, Limits

KEY = "sk-very-secret-0123456789"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("127.0.0.1:8000/v1", "http:// or https://"),
        ("ftp://host/v1", "http:// or https://"),
        ("http:///v1", "names no host"),
        ("http://host:99999/v1", "cannot be read"),
        ("http://host:0/v1", "port 0"),
        ("http://[::1/v1", "cannot be read"),
        ("http://ho st/v1", "spaces"),
        ("http://host/v1\n", "control characters"),
        ("http://" + "a" * 70 + "/v1", "cannot be read"),
        ("http://host/v1/chat/completions", "leave /chat/completions out"),
        ("http://host/v1/completions/", "leave /completions out"),
        ("", "http:// or https://"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_with_what_to_write(url, says):
    with pytest.raises(ValueError, match="url") as refusal:
        Endpoint(url=url, model="m")
    assert says in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "host", "port", "authority"),
    [
        ("http://127.0.0.1:8000/v1", "127.0.0.1", 8000, "127.0.0.1:8000"),
        ("https://api.example/v1/", "api.example", 443, "api.example"),
        ("http://api.example", "api.example", 80, "api.example"),
        ("http://[::1]:8000/v1", "::1", 8000, "[::1]:8000"),
        ("http://bücher.example/v1", "bücher.example", 80, "xn--bcher-kva.example"),
    ],
)
def test_host_port_and_authority_come_from_the_url(url, host, port, authority):
    endpoint = Endpoint(url=url, model="m")
    assert (endpoint.host, endpoint.port, endpoint.authority) == (host, port, authority)


def test_the_key_is_not_in_the_repr():
    assert KEY not in repr(Endpoint(url="http://host/v1", model="m", key=KEY, headers={"x-token": KEY}))


@pytest.mark.parametrize("key", [f"{KEY}\n", f"{KEY} x", f"{KEY}\r\nx: y", f"{KEY}ü"])
def test_a_key_that_cannot_be_sent_is_refused_without_being_repeated(key):
    with pytest.raises(ValueError, match="the API key") as refusal:
        Endpoint(url="http://host/v1", model="m", key=key)
    assert KEY not in str(refusal.value)


@pytest.mark.parametrize("headers", [{"x y": "1"}, {"x": f"{KEY}\r\nhost: evil"}, {"": "1"}, {"Host": KEY}])
def test_a_header_that_cannot_be_sent_is_refused_without_its_value(headers):
    with pytest.raises(ValueError, match="the header") as refusal:
        Endpoint(url="http://host/v1", model="m", headers=headers)
    assert KEY not in str(refusal.value)


def test_credentials_in_the_url_are_refused_without_being_repeated():
    with pytest.raises(ValueError, match="as the key instead") as refusal:
        Endpoint(url=f"http://user:{KEY}@host/v1", model="m")
    assert KEY not in str(refusal.value)


def test_a_missing_model_is_refused():
    with pytest.raises(ValueError, match="no model"):
        Endpoint(url="http://host/v1", model="")


def test_a_file_of_authorities_has_to_exist_and_to_hold_certificates(tmp_path):
    with pytest.raises(ValueError, match="no file"):
        Endpoint(url="https://host/v1", model="m", verify=tmp_path / "ca.pem")
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(ValueError, match="no certificates"):
        Endpoint(url="https://host/v1", model="m", verify=tmp_path / "ca.pem").tls()


def test_tls_is_spoken_for_https_alone_and_checked_unless_told_otherwise():
    assert Endpoint(url="http://host/v1", model="m").tls() is None
    assert Endpoint(url="https://host/v1", model="m").tls().verify_mode is ssl.CERT_REQUIRED
    assert Endpoint(url="https://host/v1", model="m", verify=False).tls().verify_mode is ssl.CERT_NONE


def test_the_limits_are_those_of_the_documentation():
    limits = Limits()
    assert (limits.connect_s, limits.head_s, limits.exchange_s) == (5.0, 30.0, 60.0)
    assert (limits.max_bytes, limits.max_head) == (32 * 1024 * 1024, 64 * 1024)
