"""RAMP Notebook: secure multi-party computation in notebook cells, with the cost of every line on show.

The names here are all that a gadget or protocol author needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import MisuseError, MisuseTypeError, MisuseValueError, NoDataError, RampError, did_you_mean
    from .registry import chart, operators, protocol
    from .secret import primitives
    from .secret.array import SecretArray
    from .secret.gadget import gadget, session_of
    from .secret.session import Session
    from .values import bits, bristol, encoding, netlist, shaped
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
    "bristol",
    "chart",
    "did_you_mean",
    "encoding",
    "fixed",
    "gadget",
    "netlist",
    "operators",
    "primitives",
    "protocol",
    "session_of",
    "shaped",
]


_HOMES = {  # imported at the first look: a command starts its parties before it has imported what they and it need
    "errors": ("MisuseError", "MisuseTypeError", "MisuseValueError", "NoDataError", "RampError", "did_you_mean"),
    "registry": ("chart", "operators", "protocol"),
    "secret.array": ("SecretArray",),
    "secret.gadget": ("gadget", "session_of"),
    "secret.session": ("Session",),
    "values.encoding": ("BOOL", "INT64", "DType", "fixed"),
    "secret": ("primitives",),
    "values": ("bits", "bristol", "encoding", "netlist", "shaped"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOME_OF[name]
    if home in ("secret", "values"):
        value = import_module(f".{home}.{name}", __name__)
    else:
        value = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext ramp_notebook`: hand over to the one layer that knows IPython, imported only here."""
    from .runtime.servers import warm_up

    warm_up()  # while this process imports the rest
    from .kernel_ext import load_ipython_extension as load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """`%unload_ext ramp_notebook`."""
    from .kernel_ext import unload_ipython_extension as unload

    unload(shell)
