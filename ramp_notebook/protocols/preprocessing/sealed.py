"""Owns how a party's bytes lie on a disk: encrypted and authenticated, whole or not at all, readable by their owner alone.

Knows nothing of what the bytes mean. AES-256-GCM; every file has a key of its own, derived from the party's key and a fresh
salt, so that no nonce can repeat, whatever is restored or written anew.
"""

import os
from pathlib import Path
from typing import IO, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

try:
    import fcntl
except ImportError:  # this system locks files otherwise
    fcntl = None  # type: ignore[assignment]

KEY_BYTES, SALT_BYTES = 32, 32
NONCE = bytes(12)  # a key serves one message


class Unreadable(Exception):
    """A file is missing, or is not what this party wrote there."""


def write_sealed(path: Path, key: bytes, place: bytes, content: bytes) -> None:
    """Encrypt `content` for this place: read back under another it is refused."""
    salt = os.urandom(SALT_BYTES)
    write_whole(path, salt + AESGCM(_file_key(key, salt)).encrypt(NONCE, content, place))


def read_sealed(path: Path, key: bytes, place: bytes) -> bytes:
    """What `write_sealed` wrote; Unreadable if one bit differs, or the key, or the place."""
    try:
        data = path.read_bytes()
        return AESGCM(_file_key(key, data[:SALT_BYTES])).decrypt(NONCE, data[SALT_BYTES:], place)
    except (OSError, InvalidTag, ValueError) as error:
        raise Unreadable(path.name) from error


def _file_key(key: bytes, salt: bytes) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt, b"ramp notebook stock file").derive(key)


def write_whole(path: Path, content: bytes) -> None:
    """Write, sync, rename, sync the folder: after a crash the file is the old one or the new one, never a part."""
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    os.replace(fresh, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have renames in a folder reach the disk, where folders can be opened."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def make_folder(folder: Path) -> None:
    """A folder that its owner alone can enter."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def lock(path: Path) -> IO[Any] | None:
    """Hold a lock as long as the returned file is open; None if another holder has it."""
    file = open(str(path), "ab")  # noqa: SIM115 - stays open
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return None
    return file


