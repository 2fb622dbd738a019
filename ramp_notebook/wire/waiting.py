"""What a blocked party tells about itself, and when such reports prove that nobody can go on. Inert data and one pure function."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

WAITING_SECONDS = 0.25  # a party that blocks for longer says so


@dataclass(frozen=True)
class WaitStatus:
    """A party at one moment: the messages it awaits, those it cannot get rid of, and how many it sent and received so far.

    A party that has ended its cell is one that awaits nothing.
    """

    awaits: Mapping[int, tuple[str, int]] = field(default_factory=dict)  # peer -> step tag and cell line
    sending: tuple[int, ...] = ()  # peers that have not taken all bytes yet
    sent: Mapping[int, int] = field(default_factory=dict)  # peer -> messages handed over, the unfinished ones included
    received: Mapping[int, int] = field(default_factory=dict)  # peer -> messages taken in
    line: int = 0


def standstill(states: Sequence[WaitStatus | None]) -> tuple[int, int] | None:
    """(a party, the peer it waits for) if every unfinished party waits for something that nobody has sent; else None.

    None in `states` is a party that computes. The reports may be from different moments: if for each awaited pair as many
    messages were received as were sent, no message is under way between them, so they form a consistent cut and the
    standstill, being permanent, is real.
    """
    if any(state is None for state in states):
        return None
    found: tuple[int, int] | None = None
    for party, state in enumerate(states):
        assert state is not None
        for peer in state.awaits:
            other = states[peer]
            assert other is not None
            if other.sent.get(party, 0) != state.received.get(peer, 0):
                return None
            found = found or (party, peer)
        for peer in state.sending:
            other = states[peer]
            assert other is not None
            if party in other.awaits or other.received.get(party, 0) >= state.sent.get(peer, 0):  # taken since that was said
                return None
            found = found or (party, peer)
    return found
