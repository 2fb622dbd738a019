"""Time in messages on any network without jitter, from few replays.

It is that of the longest chain of dependent messages, `messages × latency + bytes / bandwidth`. Which chain that is depends
on latency × bandwidth alone; the chains found bound the time from below, and most loosely where two of them are equal.
"""

from ..wire.network import NetworkModel
from .events import Trace
from .replay import replay

TOLERANCE = 0.01

Chain = tuple[int, float]  # messages one after the other, and bytes that leave one after the other


class MessageTimes:
    """Within 1 % of `replay(trace, network, compute=False).seconds`, for `lowest` <= latency × bandwidth <= `highest` bytes."""

    def __init__(self, trace: Trace, lowest: float, highest: float):
        self.trace = trace
        first, last = self._longest(lowest), self._longest(highest)
        self.chains = [first, last]
        self._refine(first, last)

    def seconds(self, latency_seconds: float, bandwidth_bytes_per_second: float) -> float:
        return max(messages * latency_seconds + size / bandwidth_bytes_per_second for messages, size in self.chains)

    def _longest(self, reach: float) -> Chain:
        """The longest chain where a latency lasts as long as sending `reach` bytes."""
        result = replay(self.trace, NetworkModel("a byte a second", latency_seconds=reach, bandwidth_bytes_per_second=1.0), compute=False)
        messages = sum(1 for hop in result.critical_path if hop.peer)
        return messages, result.seconds - messages * reach

    def _refine(self, heavy: Chain, long: Chain) -> None:
        """Look for a longer chain where these two take the same time."""
        if long[0] <= heavy[0]:
            return
        reach = (heavy[1] - long[1]) / (long[0] - heavy[0])
        found = self._longest(reach)
        if found[0] * reach + found[1] > (1 + TOLERANCE) * (heavy[0] * reach + heavy[1]):
            self.chains.append(found)
            self._refine(heavy, found)
            self._refine(found, long)
