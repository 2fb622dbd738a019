"""Addresses on at least three of eight real blocklists, compared with the answer in the clear."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

FEEDS = ["sans", "cps-collected-iocs", "avanzato_c2", "abuse-ch-ipblocklist", "binarydefense", "cobaltstrike_ips", "threatfox", "tor-exit"]
CELL = "found = mpc.reveal(gadgets.over_threshold(feeds, 3, bits=32))"


def folder() -> Path | None:
    """Where the feeds are: RAMP_DATA/blocklists; None if that is not set, or has none."""
    data = os.environ.get("RAMP_DATA")
    place = Path(data or "") / "blocklists"
    return place if data and place.is_dir() else None


def read(place: Path) -> list[np.ndarray]:
    """Every feed's IPv4 addresses; comments and IPv6 lines are left out."""
    texts = [(place / f"{name}.txt").read_text().splitlines() for name in FEEDS]
    return [np.array([line.strip() for line in text if line.strip() and line[0] != "#" and ":" not in line]) for text in texts]


def share(names: tuple[str, ...], feeds: list[np.ndarray]) -> tuple[str, dict[int, dict[str, Any]]]:
    """A cell that shares them, feed k by party k mod 3, and its inputs."""
    inputs: dict[int, dict[str, Any]] = {0: {}, 1: {}, 2: {}}
    for k, feed in enumerate(feeds):
        inputs[k % 3][f"feed{k}"] = feed
    calls = [f'mpc.input("feed{k}", owner="{names[k % 3]}", encode=gadgets.ipv4_to_int)' for k in range(len(feeds))]
    return f"feeds = [{', '.join(calls)}]", inputs


def expected_count(feeds: list[np.ndarray]) -> int:
    counts = Counter(address for feed in feeds for address in set(feed.tolist()))
    return sum(count >= 3 for count in counts.values())
