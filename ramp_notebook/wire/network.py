"""Network models: latency, bandwidth and jitter between parties, to emulate or to replay; and the stock of named ones.

Bandwidth belongs to a party's *uplink*: everything a party sends shares it, one message after the other, because the
access line is what is narrow in practice (and what `tc` shapes on an interface). Downlinks and the core are taken to be
fast enough. Latency is one way, from the last byte sent to its arrival; slow start and loss are not modelled.
"""

from dataclasses import dataclass

from ..errors import MisuseTypeError, MisuseValueError


@dataclass(frozen=True)
class NetworkModel:
    """How long a message takes: bytes / bandwidth on the sender's uplink, then latency, then up to `jitter_seconds` more.

    >>> NetworkModel("office", latency_seconds=0.005, bandwidth_bytes_per_second=1e6).describe()
    'office (5 ms one way, 8 Mbit/s uplink)'
    """

    name: str
    latency_seconds: float
    bandwidth_bytes_per_second: float  # of each party's uplink; infinite is allowed
    jitter_seconds: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.latency_seconds < float("inf") and 0 <= self.jitter_seconds < float("inf")):
            raise MisuseValueError(f"latency and jitter are seconds, 0 or more; got {self.latency_seconds} and {self.jitter_seconds}")
        if not self.bandwidth_bytes_per_second > 0:
            raise MisuseValueError(f"bandwidth is bytes per second, more than 0; got {self.bandwidth_bytes_per_second}")

    def describe(self) -> str:
        """One line with all figures."""
        jitter = f", up to {1e3 * self.jitter_seconds:g} ms jitter" if self.jitter_seconds else ""
        bandwidth = f"{8e-6 * self.bandwidth_bytes_per_second:g} Mbit/s uplink"
        return f"{self.name} ({1e3 * self.latency_seconds:g} ms one way, {bandwidth}{jitter})"

    def serialisation_seconds(self, wire_bytes: int) -> float:
        return wire_bytes / self.bandwidth_bytes_per_second

    def delay_seconds(self, sender: int, receiver: int, sequence: int) -> float:
        """Latency of one message with its jitter, which is spread evenly over its range and the same at every replay."""
        if not self.jitter_seconds:
            return self.latency_seconds
        return self.latency_seconds + self.jitter_seconds * _spread(sender, receiver, sequence)


PRESETS: dict[str, NetworkModel] = {
    model.name: model
    for model in (
        NetworkModel("lan", 0.000_1, 125_000_000),  # 1 Gbit/s, 0.2 ms round trip: one data centre
        NetworkModel("wan", 0.020, 12_500_000),  # 100 Mbit/s, 40 ms round trip: one continent
        NetworkModel("mobile", 0.030, 1_250_000, jitter_seconds=0.010),  # 10 Mbit/s up: 4G
        NetworkModel("satellite", 0.300, 625_000, jitter_seconds=0.010),  # 5 Mbit/s up: geostationary
    )
}


def network(name: str | NetworkModel) -> NetworkModel:
    """The model of that name; a model passes through."""
    if isinstance(name, NetworkModel):
        return name
    if not isinstance(name, str):
        raise MisuseTypeError(f"a network is a name ({', '.join(PRESETS)}) or a NetworkModel; got {type(name).__name__}")
    if name not in PRESETS:
        raise MisuseValueError(f"no network named `{name}`; known: {', '.join(PRESETS)}. Or give a NetworkModel of your own.")
    return PRESETS[name]


def _spread(*key: int) -> float:
    """A number in [0, 1) that looks random and depends on `key` alone (the finaliser of MurmurHash3; no secrecy here)."""
    mixed = 0
    for part in key:
        mixed = (mixed * 0x9E3779B97F4A7C15 + part + 1) & 0xFFFFFFFFFFFFFFFF
        for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
            mixed = ((mixed ^ (mixed >> 33)) * factor) & 0xFFFFFFFFFFFFFFFF
        mixed ^= mixed >> 33
    return mixed / 2.0**64
