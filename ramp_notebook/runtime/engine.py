"""Runs cells in one party: namespaces, inputs, the session, and how an exception becomes a report.

Knows no processes or sockets: any Links will do. Namespaces change only on commit.
"""

import ast
import contextlib
import functools
import hashlib
import importlib
import inspect
import io
import linecache
import sys
import threading
import traceback
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import CellAborted, ChannelError, CheatingDetected, PeerError, RampError
from ..protocols.context import Context
from ..secret.array import SecretArray
from ..secret.private import Private
from ..secret.session import Session
from ..trace.recorder import Recorder
from ..wire.channel import Links, parties_of
from .cell import Cell, Description, ErrorReport, Outcome, chosen_source

PLAIN = (bool, int, float, complex, str, bytes, type(None), np.ndarray, np.generic, list, tuple, dict, set, frozenset)
LARGEST_DIGEST_BYTES = 1 << 28
_redirecting = threading.Lock()
_parsing = threading.Lock()  # CPython 3.11 counts the depth of trees per interpreter: parties that are threads take turns


class Engine:
    """One party: a persistent namespace, and the machinery to run text in it."""

    def __init__(self, links: Links, label_flags: Sequence[str] = ()):
        self.links = links
        self.session = Session(parties_of(links.names))
        self.label_flags = tuple(label_flags)
        self.namespace: dict[str, Any] = {}
        self.stores: dict[str, Any] = {}  # stocks on disk that are open
        self._prepared: dict[str, Any] | None = None
        self._changed: set[str] = set()

    def run(
        self, cell: Cell, epoch: int, directory: Sequence[Mapping[str, Description]], notify: Callable[[str, object], None] | None = None
    ) -> Outcome:
        """Run one cell to its end and say how it ended; never raises what the cell raised."""
        printed = io.StringIO()
        recorder = Recorder(cell.filename)
        recorder.notify = notify
        outcome = Outcome("ok")
        carried = dict(self.links.carried_bytes())
        scope = dict(self.namespace)
        try:
            with _printing_to(printed), np.errstate(over="ignore"):  # rings wrap, and numpy warns of it for scalars
                self._execute(cell, epoch, directory, recorder, scope, outcome)
        except CellAborted as problem:
            outcome = Outcome("aborted", error=self.report(problem, cell, recorder))
        except BaseException as problem:  # SystemExit and KeyboardInterrupt in a cell end the cell, not the party
            outcome = Outcome("error", error=self.report(self._judged(problem), cell, recorder))
        outcome.printed = printed.getvalue()
        outcome.record = recorder.party_record()
        outcome.cheated = self.session.cheated if cell.kind == "mpc" else []
        outcome.carried_bytes = {p: n - carried.get(p, 0) for p, n in self.links.carried_bytes().items() if n != carried.get(p, 0)}
        outcome.directory = describe_all(self._prepared if self._prepared is not None else self.namespace)
        return outcome

    def _judged(self, problem: BaseException) -> BaseException:
        """Under a protocol against active parties a message that no step allows is cheating, and after cheating nothing is kept.

        So it is if the cell caught what told of it, and ended by something of its own.
        """
        session = self.session
        problem = session.stopped_by or problem
        if not (session.withstands_cheating and isinstance(problem, (ChannelError, PeerError))):
            return problem
        session.destroy()
        self.namespace = {}
        if isinstance(problem, CheatingDetected):
            return problem
        return CheatingDetected(f"a message is not what its step allows ({problem})").with_traceback(problem.__traceback__)

    def commit(self, wanted: Sequence[str]) -> dict[str, Any]:
        """Make the last cell's bindings permanent; return the named plain values."""
        if self._prepared is not None:
            self.namespace, self._prepared = self._prepared, None
        return {name: self.namespace[name] for name in wanted}

    def rollback(self) -> None:
        """Forget the last cell's bindings, and what its protocol kept."""
        self._prepared = None
        self.session.forget()

    def close(self) -> None:
        """The party ends: others may open what it had open."""
        for store in self.stores.values():
            store.close()

    # -- running -------------------------------------------------------------------------------------------------------

    def _execute(
        self,
        cell: Cell,
        epoch: int,
        directory: Sequence[Mapping[str, Description]],
        recorder: Recorder,
        scope: dict[str, Any],
        outcome: Outcome,
    ) -> None:
        remember_source(cell.filename, cell.source)
        mine = cell.inputs.get(self.links.index, {})
        scope.update(mine)
        directory = [{**names, **{n: describe(v) for n, v in cell.inputs.get(i, {}).items()}} for i, names in enumerate(directory)]
        if self.links.index < len(directory):
            directory[self.links.index] = describe_all(scope)
        assigned = assigned_names(cell)  # new even if the value is the same object: small ints are
        before = {name: value for name, value in scope.items() if name not in assigned}
        session = self.session
        if cell.kind == "mpc":
            summon = functools.partial(recorder.notify, "summon", None) if recorder.notify else None
            context = Context(
                self.links, recorder, epoch, cell.seed,
                preprocessing=chosen_source(cell), garbling=cell.garbling, summon=summon, store=cell.store, stores=self.stores,
            )  # fmt: skip
            session.enter_generation(cell.generation)
            flags = [*self.label_flags, *(["seeded test"] if cell.seed is not None else [])]
            session.begin(context, cell.protocol, scope, directory, flags)
            for cheat in cell.cheats:
                session.start_cheating(cheat)
            builtins = self.cell_names(directory, scope)
        else:
            builtins = {"np": np}
        for name, value in builtins.items():
            scope.setdefault(name, value)
        scope.setdefault("__name__", "__main__")  # as in the notebook: one gadget defined in both has one origin
        scope.setdefault("__builtins__", __builtins__)
        if cell.helpers:
            run_helpers(cell, scope)
        if cell.kind == "mpc":
            session.protocol.prepare(cell.needs, all_of_it=cell.stocking)
        outcome.last_value = run_text(cell, scope)
        if cell.kind == "mpc":
            session.end()
            outcome.label = label_to_dict(session.label)
            outcome.revealed_digest = session.reveal_digest.hexdigest()
            outcome.reveals = session.recorded_reveals
            outcome.peeks = session.peeks
            outcome.supplies, outcome.kept = session.supplies(), session.public_state()
        for name, value in builtins.items():
            if scope.get(name) is value:
                del scope[name]
        self._sort_bindings(scope, before, outcome)
        self._prepared = scope

    def cell_names(self, directory: Sequence[Mapping[str, Description]], scope: Mapping[str, Any]) -> dict[str, Any]:
        """What every cell finds ready: mpc, gadgets, np, and stand-ins for what other parties hold."""
        gadgets = importlib.import_module("ramp_notebook.gadgets")  # by name: the layer above fills what cells find ready
        names: dict[str, Any] = {"mpc": self.session, "gadgets": gadgets, "np": np}
        for party, theirs in enumerate(directory):
            for name, description in theirs.items():
                if description.kind == "private" and party != self.links.index and name not in scope:
                    names.setdefault(name, Private(name, self.links.names[party], description.shape, description.dtype))
        return names

    def _sort_bindings(self, scope: Mapping[str, Any], before: Mapping[str, Any], outcome: Outcome) -> None:
        """Digests of new plain values, texts for new secrets. Unchanged, private and unshareable names are left out."""
        for name, value in scope.items():
            if name.startswith("_") or (name in before and before[name] is value):
                continue
            if isinstance(value, SecretArray) or hasattr(value, "reveal_in"):
                outcome.secrets[name] = repr(value)
            elif isinstance(value, PLAIN):
                digest = digest_of(value)
                if digest is not None:
                    outcome.digests[name] = digest

    @staticmethod
    def report(problem: BaseException, cell: Cell, recorder: Recorder) -> ErrorReport:
        """What may be told of an exception: its kind, its words, the cell's line, the open gadgets."""
        line = 0
        if isinstance(problem, SyntaxError) and problem.filename == cell.filename:
            line = problem.lineno or 0
        for frame, frame_line in traceback.walk_tb(problem.__traceback__):
            if frame.f_code.co_filename == cell.filename:
                line = frame_line
        text = "".join(traceback.format_exception(type(problem), problem, _own_frames(problem.__traceback__, cell.filename)))
        path = recorder.failed
        said = problem.msg if isinstance(problem, SyntaxError) else str(problem)  # its line is told apart
        return ErrorReport(type(problem).__name__, said, line, tuple(path), text, type(problem).__module__)


def assigned_names(cell: Cell) -> set[str]:
    """Names that the cell's text binds."""
    nodes = ast.walk(_parsed(cell))
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def run_text(cell: Cell, scope: dict[str, Any]) -> str:
    """Execute the cell; the repr of its last line if that is an expression (in a party cell)."""
    tree = _parsed(cell)
    last = tree.body[-1] if tree.body else None
    if cell.kind == "party" and isinstance(last, ast.Expr):
        body = ast.Module(tree.body[:-1], tree.type_ignores)
        exec(compile(body, cell.filename, "exec"), scope)
        value = eval(compile(ast.Expression(last.value), cell.filename, "eval"), scope)  # noqa: S307
        return "" if value is None else repr(value)
    exec(compile(tree, cell.filename, "exec"), scope)
    return ""


def _parsed(cell: Cell) -> ast.Module:
    with _parsing:
        return ast.parse(cell.source, cell.filename, "exec")


def run_helpers(cell: Cell, scope: dict[str, Any]) -> None:
    """Define what the cell uses of the notebook's functions."""
    filename = f"{cell.filename[:-1]} functions>"
    remember_source(filename, cell.helpers)
    exec(compile(cell.helpers, filename, "exec"), scope)


def remember_source(filename: str, source: str) -> None:
    """Let tracebacks show the cell's own lines."""
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)


@contextlib.contextmanager
def _printing_to(stream: io.StringIO) -> Any:
    """Collect what this thread prints. Inline parties are threads, so the redirection must be per thread."""
    with _redirecting:  # two parties at once would each put up a router, and one would print into the notebook
        router = sys.stdout if isinstance(sys.stdout, ThreadOutput) else ThreadOutput(sys.stdout)
        router.users += 1
        sys.stdout = router
    try:
        with router.into(stream):
            yield
    finally:
        with _redirecting:
            router.users -= 1
            if not router.users and sys.stdout is router:
                sys.stdout = router.fallback


class ThreadOutput:
    """A stdout that sends each thread's text where that thread wants it."""

    def __init__(self, fallback: Any):
        self.fallback, self.users, self._local = fallback, 0, threading.local()

    @contextlib.contextmanager
    def into(self, stream: io.StringIO) -> Any:
        outer = getattr(self._local, "stream", None)
        self._local.stream = stream
        try:
            yield
        finally:
            self._local.stream = outer

    def write(self, text: str) -> int:
        target = getattr(self._local, "stream", None) or self.fallback
        return target.write(text)  # type: ignore[no-any-return]

    def flush(self) -> None:
        (getattr(self._local, "stream", None) or self.fallback).flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.fallback, name)


def _own_frames(tb: types.TracebackType | None, filename: str) -> types.TracebackType | None:
    """The traceback from the first frame of the cell on: how the party got there is not the user's business."""
    while tb is not None and tb.tb_frame.f_code.co_filename != filename:
        tb = tb.tb_next
    return tb


# -- what others may know of a namespace -------------------------------------------------------------------------------


def describe_all(namespace: Mapping[str, Any]) -> dict[str, Description]:
    return {name: describe(value) for name, value in namespace.items() if not name.startswith("_")}


def describe(value: Any) -> Description:
    """Kind, dtype and shape: never a value."""
    if isinstance(value, SecretArray):
        return Description("secret", str(value.dtype), value.shape, value.domain, value.protocol_name)
    if isinstance(value, types.ModuleType):
        return Description("module", text=value.__name__)
    if callable(value):
        place = (getattr(value, "__module__", None) or "", getattr(value, "__qualname__", None) or "")
        if value is getattr(sys.modules.get(place[0]), place[1], None) and place[0] != "__main__":
            return Description("imported", text=":".join(place))
        return Description("function", text=_source_of(value))
    plain = isinstance(value, (*PLAIN, range)) or hasattr(value, "__array__")  # a column of pandas is an array too
    if not plain or isinstance(value, (dict, set, frozenset, bytes, type(None), complex)):
        return Description("other", type(value).__name__)
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError):
        return Description("private", "ragged")
    except (TypeError, RampError):
        return Description("other", type(value).__name__)  # it holds secrets or stand-ins
    kinds = {"b": "bool", "i": "int64", "u": "int64", "f": "fixed", "U": "text", "S": "text"}
    dtype = kinds.get(array.dtype.kind, "object")
    if array.size == 0 and not isinstance(value, np.ndarray):
        dtype = "int64"
    return Description("private", dtype, array.shape)


def _source_of(function: Any) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return ""  # built in, or defined where no text is: a plan cannot use it


def digest_of(value: Any) -> str | None:
    """A digest by which parties' plain values can be compared without showing them; None if there is no canonical form."""
    digest = hashlib.blake2b(digest_size=16)

    def feed(item: Any) -> bool:
        if isinstance(item, np.ndarray):
            if item.dtype.kind == "O" or item.nbytes > LARGEST_DIGEST_BYTES:
                return False
            digest.update(f"array {item.dtype.str} {item.shape} ".encode())
            digest.update(np.ascontiguousarray(item).tobytes())
            return True
        if isinstance(item, (list, tuple)):
            digest.update(f"{type(item).__name__} {len(item)} ".encode())
            return all(feed(each) for each in item)
        if isinstance(item, dict):
            digest.update(f"dict {len(item)} ".encode())
            return all(feed(k) and feed(v) for k, v in item.items())
        if isinstance(item, (set, frozenset)):
            digest.update(f"set {len(item)} ".encode())
            return all(feed(each) for each in sorted(item, key=repr))
        if isinstance(item, (bool, int, float, complex, str, bytes, type(None), np.generic)):
            digest.update(f"{type(item).__name__} {item!r} ".encode())
            return True
        return False

    return digest.hexdigest() if feed(value) else None


def label_to_dict(label: Any) -> dict[str, Any]:
    return {
        "adversary": label.adversary, "threshold": label.threshold, "party_count": label.party_count,
        "statistical_bits": label.statistical_bits, "flags": sorted(label.flags), "reveals": list(label.reveals),
    }  # fmt: skip
