"""Data files: .npy arrays, .txt with one item a line or one number, .csv tables. Nothing is dropped silently."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import OptionError

KINDS = (".npy", ".txt", ".csv")


def read_data(path: Path) -> Any:
    """The data of a file, as one array: int64 if all items are integers, float64 if all are numbers, text otherwise.

    A .txt with a single number is that number, of shape (); text stays a list, as one address is a list of one.
    Blank lines and lines that begin with # are skipped. A .csv may have a heading above columns of numbers; of text
    nobody can tell a heading from data, so the first row is data.
    """
    if path.suffix not in KINDS:
        raise OptionError(f"{path}: expected a .npy, .txt or .csv file")
    if path.suffix == ".npy":
        return _read_npy(path)
    lines = [line.strip() for line in read_text(path, "a data file").splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if path.suffix == ".csv":
        return _table(lines, path)
    items = _numbers_or_text(lines, path)
    return items.reshape(()) if items.size == 1 and items.dtype.kind != "U" else items


def read_text(path: Path, what: str) -> str:
    """A file's text in UTF-8."""
    if not path.is_file():
        raise OptionError(f"there is no file {path}; expected {what}")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as problem:
        raise OptionError(f"{path} is not text in UTF-8 (byte {problem.start})") from None
    except OSError as problem:
        raise OptionError(f"{path} cannot be read: {problem.strerror}") from None


def _read_npy(path: Path) -> Any:
    if not path.is_file():
        raise OptionError(f"there is no file {path}; expected a data file")
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as problem:
        raise OptionError(f"{path} is not a .npy file of plain numbers or text: {problem}") from None


def _table(lines: Sequence[str], path: Path) -> Any:
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines, skipinitialspace=True)]
    for number, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise OptionError(f"{path}: row {number + 1} has {len(row)} columns, the first has {len(rows[0])}")
    if len(rows) > 1 and not _are_numbers(rows[0]) and all(_are_numbers(row) for row in rows[1:]):
        rows = rows[1:]  # a heading
    items = _numbers_or_text([cell for row in rows for cell in row], path)
    return items.reshape(len(rows), -1) if rows and len(rows[0]) > 1 else items


def _numbers_or_text(items: Sequence[str], path: Path) -> np.ndarray:
    for kind in (int, float):
        try:
            return np.array([kind(item) for item in items], dtype=np.int64 if kind is int else np.float64)
        except ValueError:
            continue  # the next, wider kind
        except OverflowError:
            raise OptionError(f"{path}: a number is beyond 64 bits") from None
    return np.array(items, dtype=np.str_)


def _are_numbers(row: Sequence[str]) -> bool:
    try:
        return all(float(cell) is not None for cell in row)
    except ValueError:
        return False
