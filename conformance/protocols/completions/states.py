"""The order of a text completion stream: that of a chat stream, in its very table. Knows no JSON.

Chunks of both protocols are open, closing or counting choices alike; what a choice holds is not a matter of order.
"""

from conformance.protocols.chat.states import ALLOWED, RESYNC, Kind, State, diagram, step

__all__ = ["ALLOWED", "RESYNC", "Kind", "State", "diagram", "step"]
