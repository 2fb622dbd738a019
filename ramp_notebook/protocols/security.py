"""What a protocol promises, and the label that a result derives from its parts.

Labels are computed: the minimum of every component, the union of every flag. Nothing here is typed by hand per run.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

ADVERSARIES = ("cleartext reference", "semi-honest", "malicious with abort")  # weakest first

CHEATING = "a party cheats on purpose"

FLAGS = {  # flag -> what it means to the reader
    CHEATING: "mpc.cheat or --cheat changed what a party sent",
    "seeded test": "randomness came from --seed: reproducible, not private",
    "trusted dealer": "one process knows all correlated randomness",
    "regular learning parity with noise": "security rests on this younger assumption too",
    "probabilistic truncation": "fixed-point products are rounded up or down at random",
    "random pattern": "message sizes depend on coins revealed on the way, never on data",
    "shares shown": "mpc.peek put shares into the report",
    "simulation on one machine": "all parties ran under one account",
    "parties are threads of one process": "the inline launcher: one memory holds every party's data",
}


@dataclass(frozen=True)
class Security:
    """Facts of one protocol. `threshold` parties together learn nothing but the result.

    Where it depends on the number of parties it is a function, and `threshold_text` says it in words.
    """

    adversary: str
    threshold: int | Callable[[int], int]
    parties: str  # "3", "n ≥ 2", …
    paper: str
    preprocessing: str = "none needed"
    statistical_bits: int | None = None  # None: perfect or computational only
    threshold_text: str = ""

    @property
    def needs_preprocessing(self) -> bool:
        return self.preprocessing != "none needed"

    @property
    def withstands_cheating(self) -> bool:
        """Whether parties that send anything whatever are noticed."""
        return self.adversary == ADVERSARIES[2]

    def tolerated(self, party_count: int) -> int:
        """How many of so many parties may collude."""
        return self.threshold(party_count) if callable(self.threshold) else self.threshold


@dataclass(frozen=True)
class Label:
    """What a result is worth: the weakest of everything that went into it.

    >>> Label.of(Security("semi-honest", 1, "3", "2016/768"), 3).with_flags(["seeded test"]).text()
    'semi-honest, 1 of 3 · seeded test'
    """

    adversary: str
    threshold: int
    party_count: int
    statistical_bits: float | None = None  # of all checks that it rests on, together
    flags: frozenset[str] = field(default_factory=frozenset)
    reveals: tuple[str, ...] = ()  # what gadgets reveal on the way, by design

    @classmethod
    def of(cls, security: Security, party_count: int) -> "Label":
        return cls(security.adversary, security.tolerated(party_count), party_count, security.statistical_bits)

    def with_flags(self, flags: Iterable[str] = (), reveals: Iterable[str] = ()) -> "Label":
        return replace(self, flags=self.flags | frozenset(flags), reveals=tuple(sorted({*self.reveals, *reveals})))

    def with_missed(self, bits: float | None) -> "Label":
        """After checks that miss a cheater with probability 2^-bits at most."""
        missed = sum(2.0**-b for b in (self.statistical_bits, bits) if b is not None)
        return replace(self, statistical_bits=-math.log2(missed) if missed else None)

    def join(self, other: "Label") -> "Label":
        """The label of a result made from both."""
        return Label(
            min(self.adversary, other.adversary, key=ADVERSARIES.index),
            min(self.threshold, other.threshold),
            self.party_count,
            self.with_missed(other.statistical_bits).statistical_bits,
            self.flags | other.flags,
            tuple(sorted({*self.reveals, *other.reveals})),
        )

    def among_curious(self) -> "Label":
        """The same, if every party followed the protocol."""
        return replace(self, adversary=min(self.adversary, ADVERSARIES[1], key=ADVERSARIES.index), statistical_bits=None)

    def text(self) -> str:
        """One line, deterministic: adversary, threshold, then flags and declared reveals in alphabetical order."""
        private = self.adversary != ADVERSARIES[0]
        head = f"{self.adversary}, {self.threshold} of {self.party_count}" if private else self.adversary
        if self.statistical_bits is not None:
            head += f", 2^-{math.floor(self.statistical_bits)}"
        reveals = [f"reveals {what}" for what in self.reveals]
        return " · ".join([head, *sorted(self.flags), *reveals])
