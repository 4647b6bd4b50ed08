"""Which actions a world was handed, so that one sent twice is taken once."""

from collections import OrderedDict

from server.errors import EventIdConflict

REMEMBERED = 256


class Said:
    """The newest actions by event_id; `known` are those that the store remembers."""

    def __init__(self, known: dict[str, str]):
        self._said: OrderedDict[str, str] = OrderedDict(known)

    def is_known(self, event_id: str, text: str) -> bool:
        """Whether this very action came before. Raises EventIdConflict where the id came with another one."""
        if event_id in self._said and self._said[event_id] != text:
            raise EventIdConflict(f"The event_id {event_id!r} was used for another action. Use a new one.")
        return event_id in self._said

    def remember(self, event_id: str, text: str) -> None:
        self._said[event_id] = text
        if len(self._said) > REMEMBERED:
            self._said.popitem(last=False)

    def forget(self, event_id: str) -> None:
        self._said.pop(event_id, None)
