"""Progress of long cells: a widget in notebooks, a line in terminals, after a second; nothing stays in the saved output."""

import sys
import time
from typing import Any

from IPython.display import clear_output, display

from ramp_notebook.runtime.run import Whereabouts

SHOW_AFTER_SECONDS = 1.0
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"


class Progress:
    """Shows where the parties are: gadget, round, bytes. Called with every report; draws at most a few times a second."""

    def __init__(self, in_notebook: bool):
        self._in_notebook = in_notebook
        self._began = time.monotonic()
        self._bar: Any = None
        self._sent: dict[str, int] = {}

    def __call__(self, now: Whereabouts) -> None:
        if not now.silent_seconds:
            self._sent[now.party] = now.sent_bytes
        if time.monotonic() - self._began < SHOW_AFTER_SECONDS:
            return
        text = f"{' › '.join(now.gadget) or 'computing'} · round {now.round:,} · {sum(self._sent.values()) / 1e6:,.1f} MB"
        if now.silent_seconds:
            text = f"{now.party} has not answered for {now.silent_seconds:.0f} s"
        if self._bar is None:
            self._bar = self._open()
        if self._in_notebook:
            self._bar.value = text
        else:
            self._bar.set_description_str(text)

    def _open(self) -> Any:
        if self._in_notebook:
            from ipywidgets import Label

            label = Label()
            # The view alone, without a text form: whoever compares outputs skips views.
            display({WIDGET_MIME: {"version_major": 2, "version_minor": 0, "model_id": label.model_id}}, raw=True)
            return label
        from tqdm import tqdm

        class Line(tqdm):  # type: ignore[misc]
            monitor_interval = 0  # no thread that watches over lines and outlives them

        return Line(bar_format="{desc}", leave=False, file=sys.stderr)

    def close(self) -> None:
        """Take everything away again."""
        if self._bar is None:
            return
        self._bar.close()
        if self._in_notebook:
            clear_output()
        self._bar = None
