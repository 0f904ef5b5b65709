"""Which sockets an event loop turns to first: those whose peers have left. Knows no connection.

asyncio handles all that is ready in one turn, in the order in which it came. Under load that is a hundred requests, and
who has left waits behind them. Here a turn is a few of them, and those who left go first.
"""

import select
import selectors
from contextlib import suppress
from typing import Any

AT_A_TIME = 4
"""Sockets that are turned to in one turn of the loop, besides those whose peers have left."""
LEFT = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR if hasattr(select, "epoll") else 0


class LeaversFirst(selectors.BaseSelector):
    """A selector for an event loop on Linux."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._keys: dict[int, selectors.SelectorKey] = {}
        self._later: dict[int, int] = {}
        """What was ready and has not had its turn."""

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """As any selector. Raises KeyError where it is registered already."""
        number = _number(fileobj)
        if number in self._keys:
            raise KeyError(f"{fileobj!r} is registered")
        self._epoll.register(number, _looked_for(events))
        self._later.pop(number, None)  # it was another file of this number
        key = self._keys[number] = selectors.SelectorKey(fileobj, number, events, data)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """As any selector. Raises KeyError where it is not registered."""
        key = self._keys.pop(_number(fileobj))
        self._later.pop(key.fd, None)
        with suppress(OSError):  # it has been closed
            self._epoll.unregister(key.fd)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """As any selector. Raises KeyError where it is not registered."""
        before = self._keys[_number(fileobj)]
        if events != before.events:
            self._epoll.modify(before.fd, _looked_for(events))
        key = self._keys[before.fd] = before._replace(events=events, data=data)
        return key

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Who has left, and a few of the others that are ready, who has waited longest first."""
        wait = 0.0 if self._later else -1.0 if timeout is None else max(0.0, timeout)
        ready = self._later
        ready.update(self._epoll.poll(wait, max(1, len(self._keys))))
        chosen = [number for number, seen in ready.items() if seen & LEFT]
        others = AT_A_TIME
        for number, seen in ready.items():
            if not others:
                break
            if not seen & LEFT:
                chosen.append(number)
                others -= 1
        found = []
        for number in chosen:
            seen, key = ready.pop(number), self._keys[number]
            events = selectors.EVENT_WRITE if seen & ~(select.EPOLLIN | select.EPOLLRDHUP) else 0
            if seen & ~select.EPOLLOUT:
                events |= selectors.EVENT_READ
            if events & key.events:
                found.append((key, events & key.events))
        return found

    def close(self) -> None:
        """As any selector."""
        self._epoll.close()
        self._keys.clear()
        self._later.clear()

    def get_map(self) -> Any:
        """What is registered, by its number."""
        return self._keys

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        """As any selector, for files and their numbers alike. Raises KeyError where it is not registered."""
        return self._keys[_number(fileobj)]


def _number(fileobj: Any) -> int:
    return fileobj if isinstance(fileobj, int) else int(fileobj.fileno())


def _looked_for(events: int) -> int:
    reads = select.EPOLLIN | select.EPOLLRDHUP if events & selectors.EVENT_READ else 0
    return reads | (select.EPOLLOUT if events & selectors.EVENT_WRITE else 0)
