"""The only code that imports IPython: magics, completion, progress, display."""

from .extension import load_ipython_extension, unload_ipython_extension
from .what_if import what_if

__all__ = ["load_ipython_extension", "unload_ipython_extension", "what_if"]
