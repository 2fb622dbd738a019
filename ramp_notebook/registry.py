"""Names under which gadgets, operators, protocols and charts are found; filled when their files are imported.

Refuses a second origin of one name, so that a user's file can never silently replace one of ours.
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from .errors import MisuseError, MisuseValueError, did_you_mean


class Registry:
    """One kind of plug-in by name. `home`, if given, is the module that fills it, imported at the first look-up."""

    def __init__(self, kind: str, home: str = ""):
        self.kind, self.home = kind, home
        self._entries: dict[str, Any] = {}

    def add(self, name: str, entry: Any) -> None:
        known = self._entries.get(name)
        origin = (getattr(entry, "__module__", None), getattr(entry, "__qualname__", None))
        if known is not None and (getattr(known, "__module__", None), getattr(known, "__qualname__", None)) != origin:
            raise MisuseError(f"the {self.kind} name `{name}` is taken by {known.__module__}; choose another name")
        self._entries[name] = entry

    def _filled(self) -> dict[str, Any]:
        if self.home:
            import_module(self.home)
        return self._entries

    def __getitem__(self, name: str) -> Any:
        entry = self._entries.get(name)
        if entry is None and (entry := self._filled().get(name)) is None:
            known = ", ".join(sorted(self._entries)) or "none registered"
            raise MisuseValueError(f"no {self.kind} named `{name}`; known: {known}{did_you_mean(name, self._entries)}")
        return entry

    def __contains__(self, name: str) -> bool:
        return name in self._filled()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._filled()))

    def items(self) -> list[tuple[str, Any]]:
        return sorted(self._filled().items())


protocols = Registry("protocol", home="ramp_notebook.protocols")
gadgets = Registry("gadget", home="ramp_notebook.gadgets")
operators = Registry("operator")
charts = Registry("chart", home="ramp_notebook.charts")  # nothing draws until a picture is asked for
renderers = Registry("renderer", home="ramp_notebook.report")  # how results show themselves: "text", "bundle"


def protocol(name: str) -> Callable[[type], type]:
    """Register a protocol class: `@protocol("astra")`."""

    def register(cls: type) -> type:
        cls.name = name  # type: ignore[attr-defined]
        protocols.add(name, cls)
        return cls

    return register


def chart(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a pure function from a Trace to a figure: `@chart("heatmap")`."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        charts.add(name, function)
        return function

    return register
