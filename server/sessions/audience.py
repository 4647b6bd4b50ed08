"""The viewers of a world, and what they are told once it is durable."""

from collections.abc import Sequence

from server.errors import TooManyViewers
from server.metrics import Metrics
from server.protocol import ControlChanged
from server.sessions.outbox import Outbox
from server.sessions.viewer import Media, PackedFrame, Receipt, Viewer
from server.settings import Settings

Item = Receipt | Media | PackedFrame


class Audience:
    """Everybody hears everything from the moment on that they joined, in one order."""

    def __init__(self, outbox: Outbox):
        self.viewers: set[Viewer] = set()
        self._coming: set[Viewer] = set()
        self._outbox = outbox

    def __len__(self) -> int:
        return len(self.viewers) + len(self._coming)

    def new_viewer(self, fps: float, settings: Settings, metrics: Metrics, h264: bool) -> Viewer:
        """One who hears nothing until they join. Raises TooManyViewers."""
        if len(self) >= settings.max_viewers:
            raise TooManyViewers(f"This world has {settings.max_viewers} viewers, and no more fit.")
        return Viewer(fps, settings.viewer_frames, settings.viewer_messages, metrics, h264)

    def join(self, viewer: Viewer, first: Sequence[Item]) -> None:
        """Let a viewer in when all that was published before is out; it hears `first`, and then what comes."""

        def enter() -> None:
            if viewer in self._coming:
                self._coming.discard(viewer)
                self.viewers.add(viewer)
                for item in first:
                    viewer.put(item)

        self._coming.add(viewer)
        self._outbox.do(enter)

    def leave(self, viewer: Viewer) -> None:
        self._coming.discard(viewer)
        self.viewers.discard(viewer)

    def publish(self, item: Item) -> None:
        """Tell all, once every write so far is durable."""

        def put() -> None:
            for viewer in self.viewers:
                viewer.put(item)

        self._outbox.do(put)

    def tell_now(self, item: Item) -> None:
        """Tell all what no write stands behind."""
        for viewer in self.viewers | self._coming:
            viewer.put(item)

    def tell_pause(self, paused: bool) -> None:
        """Tell everybody that live actions are held, or go on, and the rate of their own pictures."""
        for viewer in self.viewers:
            viewer.put(ControlChanged(paused=paused, rate=viewer.rate))

    def close(self) -> None:
        """Let everybody go, once they have heard all that was published."""

        def end() -> None:
            for viewer in self.viewers | self._coming:
                viewer.close()

        self._outbox.do(end)
