"""Every error this project raises on purpose: who is to blame stands in the class.

`MisuseError`: the code at hand. `PeerError`: another party. `ChannelError`: the wire. Messages never hold a secret,
a share or a seed.
"""

import difflib
from collections.abc import Iterable


class RampError(Exception):
    """Root of the family."""


class MisuseError(RampError):
    """The calling code asked for something that has no meaning here."""


class MisuseTypeError(MisuseError, TypeError):
    """A value of the wrong kind."""


class MisuseValueError(MisuseError, ValueError):
    """A value of the right kind that is not acceptable."""


class NoDataError(MisuseError):
    """Shape-only code (a plan, or another party's private value) was asked for data."""


class OptionError(MisuseError):
    """A magic, command or configuration option that is unknown or has a bad value."""


class PeerError(RampError):
    """Another party, not this code, is the cause."""


class ProgramMismatch(PeerError):
    """Two parties ran different programs, or arrived at different steps of one."""


class PartyFailed(PeerError):
    """The cell raised in one party. Carries that party's name, cell line, gadget path and traceback text.

    `kind` is the remote exception's class name; `args[0]` its message with party, gadget and line before it.
    """

    def __init__(self, message: str, *, party: str = "", kind: str = "", line: int = 0, gadget: str = "", remote: str = ""):
        super().__init__(message)
        self.party, self.kind, self.line, self.gadget, self.remote = party, kind, line, gadget, remote


class PartyDied(PeerError):
    """A party's process ended while the run needed it."""


class PartyUnresponsive(PeerError):
    """A party's process exists but did not answer within its limit."""


class PartyOutOfMemory(PeerError):
    """A party could not allocate what its step needs."""


class CheatingDetected(PeerError):
    """A check of a protocol against active parties failed here. The joint run is over: its parties have to be started anew."""


class CheatingReported(CheatingDetected):
    """Another party's check failed; it told this one no more than that."""


class CellAborted(PeerError):
    """This party was told to stop; the cause is elsewhere."""


class CellTimeout(PeerError):
    """The cell's own `--timeout` passed."""


class ChannelError(RampError):
    """The wire between two parties broke a rule."""


class FrameCorrupt(ChannelError):
    """A frame's header or payload fails its checksum, or is not a frame."""


class FrameTooLarge(ChannelError):
    """A frame announces more bytes than its step allows; refused before allocation."""


class MessageLost(ChannelError):
    """A frame's sequence number skips one: something between the parties dropped it."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """What a message about a wrong name ends with, if a known one is near.

    >>> did_you_mean("revael", ["input", "reveal"])
    '; did you mean `reveal`?'
    """
    near = difflib.get_close_matches(name, [each for each in known if not each.startswith("_")], 1)
    return f"; did you mean `{near[0]}`?" if near else ""
