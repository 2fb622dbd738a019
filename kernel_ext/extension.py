"""Loading and unloading: `%load_ext ramp_notebook` twice is as good as once, and unloading leaves nothing behind."""

import atexit
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from ramp_notebook.runtime.workspace import Workspace

from .completion import Completion
from .magics import RampMagics

ATTRIBUTE = "_ramp_notebook"  # where a shell keeps what the extension put there


class Loaded:
    """What one shell holds while the extension is loaded."""

    def __init__(self, shell: InteractiveShell):
        self.workspace = Workspace()
        self.magics = RampMagics(shell, self.workspace)
        self.completion = Completion(self.workspace)
        shell.register_magics(self.magics)
        self.completer = getattr(shell, "Completer", None)
        if self.completer is not None:
            self.completer.custom_matchers.append(self.completion.match)
        atexit.register(self.workspace.stop)

    def unload(self, shell: InteractiveShell) -> None:
        self.workspace.stop()
        atexit.unregister(self.workspace.stop)
        if self.completer is not None and self.completion.match in self.completer.custom_matchers:
            self.completer.custom_matchers.remove(self.completion.match)
        for kind, name in (("cell", "mpc"), ("line", "mpc"), ("cell", "party")):
            shell.magics_manager.magics[kind].pop(name, None)


def load_ipython_extension(shell: Any) -> None:
    """Register `%%mpc`, `%%party` and `%mpc`. No party is started yet."""
    if getattr(shell, ATTRIBUTE, None) is None:
        setattr(shell, ATTRIBUTE, Loaded(shell))


def unload_ipython_extension(shell: Any) -> None:
    """End all parties and take the magics away."""
    loaded = getattr(shell, ATTRIBUTE, None)
    if loaded is not None:
        loaded.unload(shell)
        setattr(shell, ATTRIBUTE, None)
