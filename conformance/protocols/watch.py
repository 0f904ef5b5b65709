"""What was seen of a server after a client had left it. A record: knows no observer, no clock and no rule."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Whether the server went on with a request whose client had left, as far as that could be seen from outside.

    Times are seconds since the client left.
    """

    observer: str
    """How it was seen: "journal", "prometheus", "slots", "cpu" or "black-box"; "" where nothing could be."""
    how: str
    """What was seen, in words: "vllm:num_requests_running 1, then 0 after 0.41 s"."""
    stopped: bool | None = None
    """None where nothing could be seen; `how` then says what to configure."""
    by: float | None = None
    """It had stopped by then; where it did not stop, it was watched until then."""
    since: float = 0.0
    """Until then it was still at work."""
    produced: float | None = None
    """Tokens made after the client had left; None where that cannot be seen."""
    leaked: float | None = None
    """Requests that are still counted as running though nothing is made for them; None where that cannot be seen."""
    sure: float = 1.0
    """Chance that `stopped` is right, 0 to 1, by the observer's own test."""
