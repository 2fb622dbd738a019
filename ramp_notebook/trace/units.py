"""How quantities read in reports and charts: one place, so that no two of them round differently."""

import re
from collections.abc import Sequence

FIRST_PLURAL = re.compile(r"s\b")
BYTE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def readable_bytes(count: float) -> str:
    """
    >>> [readable_bytes(n) for n in (0, 1023, 1024, 4710, 1 << 20, 10**12)]
    ['0 B', '1023 B', '1.0 KiB', '4.6 KiB', '1.0 MiB', '931.3 GiB']
    """
    unit = 0
    while round(count, 1) >= 1024 and unit + 1 < len(BYTE_UNITS):
        count, unit = count / 1024, unit + 1
    return f"{count:.1f} {BYTE_UNITS[unit]}" if unit else f"{int(count)} B"


def readable_seconds(seconds: float) -> str:
    """
    >>> [readable_seconds(s) for s in (0, 0.000002, 0.0404, 1.5, 4000)]
    ['0 s', '2 µs', '40.4 ms', '1.5 s', '4000 s']
    """
    for unit, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= 0.9995 * unit:
            shown = seconds / unit
            return f"{shown:.0f} {name}" if shown >= 999.5 else f"{shown:.3g} {name}"
    return "0 s" if seconds <= 0 else f"{seconds:.2g} s"


def counted(count: int, noun: str) -> str:
    """
    >>> counted(1, "round"), counted(2, "round"), counted(1200, "message"), counted(0, "party")
    ('1 round', '2 rounds', '1,200 messages', '0 parties')
    """
    if count != 1:
        noun = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{count:,} {noun}"


def counted_items(count: int, kind: str) -> str:
    """The same of a kind that stands in the plural.

    >>> counted_items(1, "bit triples"), counted_items(2000, "triples"), counted_items(1, "translations of 100×3")
    ('1 bit triple', '2,000 triples', '1 translation of 100×3')
    """
    return f"{count:,} {kind}" if count != 1 else f"1 {FIRST_PLURAL.sub('', kind, count=1)}"


def one_line(text: str, width: int = 100) -> str:
    """Visible characters on one line: names and values come from parties, and a terminal obeys control characters.

    >>> one_line("two\\nlines"), one_line("too long", 5)
    ('two lines', 'too …')
    """
    line = "".join(c if c.isprintable() else " " for c in text[: width + 1])
    return line if len(line) <= width else line[: width - 1] + "…"


def path_text(path: Sequence[str]) -> str:
    """A gadget call path, outermost first; the cell itself has the empty path."""
    return " › ".join(path) or "the cell itself"
