"""RAMP Notebook: secure multi-party computation in notebook cells, with the cost of every line on show."""

from typing import Any

__version__ = "0.1.0"


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext ramp_notebook`: hand over to the one layer that knows IPython, imported only here."""
    from .kernel_ext import load_ipython_extension as load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """`%unload_ext ramp_notebook`."""
    from .kernel_ext import unload_ipython_extension as unload

    unload(shell)
