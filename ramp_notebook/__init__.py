"""RAMP Notebook: secure multi-party computation in notebook cells, with the cost of every line on show.

The names here are all that a gadget or protocol author needs.
"""

from typing import Any

from .errors import MisuseError, MisuseTypeError, MisuseValueError, NoDataError, RampError
from .registry import chart, operators, protocol
from .secret import primitives
from .secret.array import SecretArray
from .secret.gadget import gadget, session_of
from .secret.session import Session
from .values import bits, encoding, shaped
from .values.encoding import BOOL, INT64, DType, fixed

__version__ = "0.1.0"

__all__ = [
    "BOOL",
    "INT64",
    "DType",
    "MisuseError",
    "MisuseTypeError",
    "MisuseValueError",
    "NoDataError",
    "RampError",
    "SecretArray",
    "Session",
    "bits",
    "chart",
    "encoding",
    "fixed",
    "gadget",
    "operators",
    "primitives",
    "protocol",
    "session_of",
    "shaped",
]


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext ramp_notebook`: hand over to the one layer that knows IPython, imported only here."""
    from .kernel_ext import load_ipython_extension as load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """`%unload_ext ramp_notebook`."""
    from .kernel_ext import unload_ipython_extension as unload

    unload(shell)
