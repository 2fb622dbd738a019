"""A party that cheats on purpose: what it sends is changed on the way out, and told. Same interface in and out.

Stands above what records, so that a trace shows what was really sent. Knows messages, never what a share means.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import numpy as np

from .channel import DEALER, Received, Request
from .cheats import Cheat, near
from .mutations import LISTENERS, REWRITES, Seen, difference

Port = Callable[[Sequence[Request]], list[dict[int, Received]]]
Recording = dict[Any, Any]  # messages of an earlier run, by where they stood


@dataclass
class _Switch:
    """One cheat at work: how often its step came, and what it changed."""

    cheat: Cheat
    count: int = 0
    struck: int = 0
    added: dict[int, Any] = field(default_factory=dict)  # by peer, to the first message of a pair

    def strikes(self, request: Request, peers: Sequence[str], round: int) -> bool:
        """Whether this step, in which the party sends to `peers`, is meant. Counts it if it is of the kind."""
        cheat = self.cheat
        if not (peers if cheat.to is None else cheat.to in peers):
            return False
        if cheat.how == "silence" and self.struck:
            return True
        if not cheat.meant_for(request.tag):
            return False
        if cheat.round is not None and cheat.round != round:
            return False
        self.count += 1
        pair = cheat.how == "cancel" and cheat.nth == self.count - 1
        return cheat.nth in (None, self.count) or pair


class Interception:
    """What stands between one party and its port while it cheats. `round` says which round a message sent now would be of."""

    def __init__(self, port: Port, names: Sequence[str], round: Callable[[], int], recording: Recording):
        self._port, self._names, self._round = port, names, round
        self._earlier, self._recording = dict(recording), recording
        self._switches: list[_Switch] = []
        self._changes: list[tuple[int, str, int, str]] = []  # switch, tag, line, peers
        self._tags: dict[str, int] = {}  # of the steps in which this party sent, in order
        self._sent: dict[int, Any] = {}  # the last message to each peer
        self._heard: Any = None  # the last that came
        self._held: list[Request] = []

    def add(self, cheat: Cheat) -> None:
        """Cheat so from here on."""
        self._switches.append(_Switch(cheat))

    def exchange(self, requests: Sequence[Request]) -> list[dict[int, Received]]:
        round = self._round()
        struck = [[n for n, switch in enumerate(self._switches) if self._strikes(switch, request, round)] for request in requests]
        requests = [_settled(request) for request in requests]
        if not any(struck) and not self._held:
            replies = self._port(requests)
            for request in requests:
                self._note(request, request.sends)
        else:
            replies = self._cheat(requests, struck)
        for reply in replies:
            for received in reply.values():
                self._heard = received.array
        return replies

    def report(self) -> list[str]:
        """What was changed, a line for each kind of change in the order of the run; and which cheats never struck."""
        lines = []
        for (n, tag, line, peers), group in groupby(self._changes):
            cheat, times = self._switches[n].cheat, len(list(group))
            often = f", {times} times" if times > 1 else ""
            lines.append(f"{cheat.party} at line {line}, `{tag}` to {peers}: {cheat.how}{often}")
        for switch in self._switches:
            if not switch.struck:
                lines.append(f"{switch.cheat.text()} never struck. {self._why(switch)}")
        return lines

    def _why(self, switch: _Switch) -> str:
        cheat, known = switch.cheat, list(self._tags)
        steps = ", ".join(f"{tag} ({count})" for tag, count in self._tags.items()) or "none"
        if switch.count and cheat.nth is not None and switch.count < cheat.nth:
            return f"Such steps came only {switch.count} times. Steps of {cheat.party} after it: {steps}."
        if switch.count:
            reason = "this run was kept: the next one with it is changed" if cheat.how == "replay" else "it would have changed nothing"
            return f"Its steps came, but {reason}."
        return f"Steps of {cheat.party} after it: {steps}.{near(cheat.at, known)}"

    # -- one step ------------------------------------------------------------------------------------------------------

    def _strikes(self, switch: _Switch, request: Request, round: int) -> bool:
        return switch.strikes(request, [self._names[peer] for peer in request.sends if self._names[peer] != DEALER], round)

    def _cheat(self, requests: Sequence[Request], struck: Sequence[Sequence[int]]) -> list[dict[int, Received]]:
        """Send what the switches make of these requests, having listened first if one of them wants to."""
        listens = any(self._switches[n].cheat.how in LISTENERS for each in struck for n in each)
        held, self._held = self._held, []
        heard: list[dict[int, Received]] = []
        if listens:
            heard = self._port([*held, *(replace(each, sends={}) for each in requests)])[len(held) :]
        outgoing: list[Request] = [] if listens else list(held)
        places = []
        for k, (request, numbers) in enumerate(zip(requests, struck, strict=True)):
            sends: dict[int, Any] = dict(request.sends)
            again: dict[int, Any] = {}
            said = {peer: np.array(each.array) for peer, each in heard[k].items()} if listens else {}
            for n in numbers:
                sends, again = self._changed(n, request, sends, again, said)
            places.append(len(outgoing))
            outgoing.append(replace(request, sends=sends, receives={} if listens else request.receives))
            if again:
                outgoing.append(replace(request, sends=again, receives={}))
            self._note(request, sends)
        if not listens:
            replies = self._port(outgoing)
            return [replies[place] for place in places]
        if any(request.sends for request in outgoing):
            self._port([request for request in outgoing if request.sends])
        return heard

    def _changed(
        self, n: int, request: Request, sends: dict[int, Any], again: dict[int, Any], said: dict[int, Any]
    ) -> tuple[dict[int, Any], dict[int, Any]]:
        """What goes out in this step, and what goes out after it, when one switch has struck."""
        switch = self._switches[n]
        cheat = switch.cheat
        mine = [peer for peer in sends if cheat.to == self._names[peer] or (cheat.to is None and self._names[peer] != DEALER)]
        touched = mine
        if cheat.how in ("drop", "silence"):
            sends = {peer: array for peer, array in sends.items() if peer not in mine}
        elif cheat.how == "delay":
            self._held.append(replace(request, sends={peer: sends[peer] for peer in mine}, receives={}))
            sends = {peer: array for peer, array in sends.items() if peer not in mine}
        elif cheat.how == "duplicate":
            again = {**again, **{peer: sends[peer] for peer in mine}}
        elif cheat.how == "swap peers":
            others = dict(zip(mine, [*mine[1:], *mine[:1]], strict=True))
            touched = [peer for peer in mine if not np.array_equal(sends[peer], sends[others[peer]])]
            sends = {**sends, **{peer: sends[others[peer]] for peer in mine}}
        elif cheat.how in REWRITES:
            after = {peer: self._rewritten(switch, request, peer, sends[peer], said) for peer in mine}
            touched = [peer for peer in mine if not _same(after[peer], sends[peer])]
            sends = {**sends, **after}
        if touched:
            switch.struck += 1
            self._changes.append((n, request.tag, request.line, ", ".join(self._names[peer] for peer in sorted(touched))))
        return sends, again

    def _rewritten(self, switch: _Switch, request: Request, peer: int, array: Any, said: dict[int, Any]) -> Any:
        second = switch.cheat.how == "cancel" and peer in switch.added
        earlier = self._earlier.get((request.tag, self._tags.get(request.tag, 0), peer))
        others = tuple(said.values()) or (() if self._heard is None else (self._heard,))
        seen = Seen(peer, self._sent.get(peer), others, said.get(peer), earlier, second, switch.added.pop(peer, None))
        if switch.cheat.how == "cancel" and not second:
            switch.added[peer] = difference(array, seen)
        with np.errstate(over="ignore"):
            return np.asarray(REWRITES[switch.cheat.how](array, seen)) if array.size or switch.cheat.how == "extend" else array

    def _note(self, request: Request, sends: Any) -> None:
        """Remember what this party said, for changes that repeat it."""
        if request.sends:
            keep = any(switch.cheat.how == "replay" and switch.cheat.meant_for(request.tag) for switch in self._switches)
            for peer, array in sends.items():
                self._sent[peer] = array
                if keep:
                    self._recording[request.tag, self._tags.get(request.tag, 0), peer] = array
            self._tags[request.tag] = self._tags.get(request.tag, 0) + 1


def _settled(request: Request) -> Request:
    """The same request with its arrays final and this party's own to change."""
    if not request.sends:
        return request
    for _ in request.fill or ():
        pass
    return replace(request, sends={peer: np.array(array) for peer, array in request.sends.items()}, fill=None)


def _same(one: Any, other: Any) -> bool:
    return one.dtype == other.dtype and np.array_equal(one, other)
