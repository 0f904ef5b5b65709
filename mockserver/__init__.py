"""Floor 4: the server side. A deterministic server whose faults are the mutants of the rules.

`async with MockServer() as server` in an event loop, `with running() as url` outside of one, `with mocked() as mock`
in a test that wants to ask and to tell it things.
"""

from .answering import Settings
from .app import MockServer, running
from .journal import Entry, Journal
from .pacing import Pacing
from .rates import Rate
from .testing import Mock, mocked

__all__ = ["Entry", "Journal", "Mock", "MockServer", "Pacing", "Rate", "Settings", "mocked", "running"]
