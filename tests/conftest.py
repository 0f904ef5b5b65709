"""Settings for every test: hypothesis without a deadline, the same examples every time where CI is set, and a Ctrl-C.

A shell that runs things in the background has them ignore SIGINT, and what they start ignores it too; servers that
tests end by Ctrl-C would never end.
"""

import os
import signal

from hypothesis import HealthCheck, settings

settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("here"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
