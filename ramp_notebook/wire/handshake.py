"""How the two ends of a fresh link prove who they are and agree on the pair's seed. Knows bytes only.

Each end says one hello. It answers the link's challenge (random, used for this link alone, handed to both ends over their
control channels) under the run's 256-bit key, and binds sender, receiver and 32 random bytes. As a hello waits for
nothing, a party that is still computing never delays a peer.
"""

import os
import struct
from hashlib import blake2b
from hmac import compare_digest

from ..errors import ChannelError

KEY_BYTES = CHALLENGE_BYTES = NONCE_BYTES = 32
_HELLO = struct.Struct("<8sII32s32s")
_MAGIC = b"RAMP hi\1"
HELLO_BYTES = _HELLO.size


def hello(key: bytes, challenge: bytes, sender: int, receiver: int) -> tuple[bytes, bytes]:
    """(nonce, message): what `sender` says first on a link to `receiver`."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce, _HELLO.pack(_MAGIC, sender, receiver, nonce, _proof(key, challenge, sender, receiver, nonce))


def read_hello(message: bytes, key: bytes, challenge: bytes, sender: int, receiver: int) -> bytes:
    """The nonce of a hello that `sender` should have said to `receiver`; raises ChannelError for anything else."""
    if len(message) != HELLO_BYTES:
        raise ChannelError(f"expected a hello of {HELLO_BYTES} bytes, got {len(message)}")
    magic, said_sender, said_receiver, nonce, proof = _HELLO.unpack(message)
    if magic != _MAGIC:
        raise ChannelError("the other end of a link did not say hello as this version does")
    if not compare_digest(proof, _proof(key, challenge, said_sender, said_receiver, nonce)):
        raise ChannelError("the other end of a link does not know this run's key")
    if (said_sender, said_receiver) != (sender, receiver):
        raise ChannelError(f"a link from party {sender} to party {receiver} was answered by party {said_sender} for party {said_receiver}")
    return bytes(nonce)


def pair_seed(key: bytes, challenge: bytes, nonces: tuple[bytes, bytes]) -> bytes:
    """32 bytes both ends know, fresh if either end's random bytes are; `nonces` stand in party order."""
    return blake2b(challenge + nonces[0] + nonces[1], key=key, digest_size=32, person=b"ramp pair seed").digest()


def _proof(key: bytes, challenge: bytes, sender: int, receiver: int, nonce: bytes) -> bytes:
    text = challenge + struct.pack("<II", sender, receiver) + nonce
    return blake2b(text, key=key, digest_size=32, person=b"ramp hello").digest()
