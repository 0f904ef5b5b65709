"""Scripts and answers: what a peer receives of them."""

from conformance.wire.script import Reset, Send, Wait, body


def test_the_body_is_what_is_sent_before_a_reset() -> None:
    assert b"ab" == body([Send(b"a"), Wait(5.0), Send(b"b"), Reset(), Send(b"c")])
    assert b"" == body([])
