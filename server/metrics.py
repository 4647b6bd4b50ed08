"""What the service counts, as Prometheus text (exposition format 0.0.4)."""

from bisect import bisect_left
from dataclasses import dataclass, field

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)


@dataclass
class Histogram:
    """Counts by upper bound, and their sum."""

    bounds: tuple[float, ...] = _SECONDS
    total: float = 0.0
    counts: list[int] = field(default_factory=list)

    def observe(self, value: float) -> None:
        if not self.counts:
            self.counts = [0] * (len(self.bounds) + 1)
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def lines(self, name: str) -> list[str]:
        counts = self.counts or [0] * (len(self.bounds) + 1)
        below = [sum(counts[: index + 1]) for index in range(len(counts))]
        labels = [*(f"{bound:g}" for bound in self.bounds), "+Inf"]
        buckets = [f'{name}_bucket{{le="{label}"}} {count}' for label, count in zip(labels, below, strict=True)]
        return [*buckets, f"{name}_sum {self.total:g}", f"{name}_count {below[-1]}"]


@dataclass
class Metrics:
    """Counters and histograms of one service. Names and labels are bounded; nothing of a user's appears."""

    clips: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("committed", "failed", "cancelled"), 0))
    actions_superseded: int = 0
    frames_sent: int = 0
    frames_dropped: int = 0
    first_frame: Histogram = field(default_factory=Histogram)
    generate: Histogram = field(default_factory=Histogram)
    encode: Histogram = field(default_factory=Histogram)
    batch: Histogram = field(default_factory=lambda: Histogram((1.0, 2.0, 4.0, 8.0, 16.0)))

    def observe_clip(self, timings: dict[str, float]) -> None:
        """A committed clip; `timings` in milliseconds."""
        self.clips["committed"] += 1
        self.first_frame.observe(timings["first_frame"] / 1000)
        self.generate.observe(timings["generate"] / 1000)
        self.encode.observe(timings["encode"] / 1000)

    def observe_batch(self, size: int) -> None:
        self.batch.observe(size)

    def render(self, *, worlds: int, viewers: int, waiting: int, ready: bool) -> str:
        """The text for `/metrics`, with what is true at this moment."""
        gauges = {"ready": int(ready), "worlds": worlds, "viewers": viewers, "engine_waiting": waiting}
        counters = {
            "actions_superseded_total": self.actions_superseded,
            "frames_sent_total": self.frames_sent,
            "frames_dropped_total": self.frames_dropped,
        }
        histograms = {
            "first_frame_seconds": self.first_frame,
            "generate_seconds": self.generate,
            "encode_seconds": self.encode,
            "batch_worlds": self.batch,
        }
        lines: list[str] = []
        for name, value in gauges.items():
            lines += [f"# TYPE pandora_{name} gauge", f"pandora_{name} {value}"]
        for name, value in counters.items():
            lines += [f"# TYPE pandora_{name} counter", f"pandora_{name} {value}"]
        lines += ["# TYPE pandora_clips_total counter"]
        lines += [f'pandora_clips_total{{outcome="{outcome}"}} {count}' for outcome, count in self.clips.items()]
        for name, histogram in histograms.items():
            lines += [f"# TYPE pandora_{name} histogram", *histogram.lines(f"pandora_{name}")]
        return "\n".join(lines) + "\n"
