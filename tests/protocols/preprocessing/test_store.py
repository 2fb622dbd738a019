"""A stock on disk is used once, whatever is killed, copied, changed or brought back; all parties open it, or none."""

import os
import shutil
import threading
import tracemalloc

import numpy as np
import pytest

from ramp_notebook.errors import MisuseError
from ramp_notebook.protocols.preprocessing import sealed, store
from ramp_notebook.protocols.preprocessing import stock as stock_module
from ramp_notebook.protocols.preprocessing import supply as module
from ramp_notebook.protocols.preprocessing.sources import Source, item_shapes
from ramp_notebook.protocols.preprocessing.supply import Supply
from tests.parties_in_threads import Group

TRIPLES = ("triples",)


class Numbered(Source):
    """Items that say which they are: the same numbers at all parties, none twice."""

    lives = 0

    def __init__(self):
        self.made = Numbered.lives << 32

    def is_ready(self, context):
        return True

    def set_up(self, context):
        pass

    def make(self, context, kind, count):
        numbers = np.arange(self.made, self.made + count, dtype=np.uint64)
        self.made += count
        return tuple(np.broadcast_to(numbers.reshape(-1, *[1] * len(item.shape)), (count, *item.shape)).copy() for item in item_shapes(kind, 2))

    def facts(self, context):
        return {}

    def assume(self, facts):
        pass


class Parties:
    """Two parties that may end and come back; what is in memory ends with them."""

    def __init__(self, folder, keys, monkeypatch):
        self.folder, self.keys = folder, keys
        monkeypatch.setenv("XDG_CONFIG_HOME", str(keys))
        monkeypatch.setattr(module, "MOST_AT_ONCE_BYTES", 5 * 24)
        monkeypatch.setattr(stock_module, "LEAST_LOADED", 2)
        self.used = [[], []]
        self.come_back()

    def come_back(self):
        Numbered.lives += 1
        self.group, self.kept, self.stores = Group(2), [{} for _ in range(2)], [{}, {}]

    def end(self):
        for each in self.stores:
            for opened in each.values():
                opened.close()

    def run(self, body):
        """`body` gets a supply; what it takes with `use` is noted at once."""

        def cell(context):
            me = context.index
            context.store, context.stores = str(self.folder), self.stores[me]
            kept = self.kept[me]
            if "source" not in kept:
                kept.update(source=Numbered(), stocks={}, ledger=module.Ledger())
            supply = Supply(context, kept)
            supply.use = lambda count: self.used[me].extend(supply.triples(count)[0].tolist())
            supply.stored = lambda: supply._stock(TRIPLES).count
            return body(supply)

        try:
            return self.group.run(cell)[0]
        except BaseException:
            for kept in self.kept:
                kept.clear()
            raise

    def again(self, body):
        self.end()
        self.come_back()
        return self.run(body)

    def assert_once(self):
        for each in self.used:
            assert len(each) == len(set(each))


@pytest.fixture
def parties(tmp_path, monkeypatch):
    parties = Parties(tmp_path / "stock", tmp_path / "config", monkeypatch)
    yield parties
    parties.end()


def stock(supply):
    supply.open_store()
    supply.prepare({TRIPLES: 12, ("bit_triples",): 3, ("dabits",): 1}, all_of_it=True)


def open_it(supply):
    supply.open_store()


def left(supply):
    open_it(supply)
    return supply.stored()


def copy(source, target):
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)


# -- what it is for ----------------------------------------------------------------------------------------------------


def test_what_is_left_serves_parties_that_come_back(parties):
    parties.run(lambda s: (stock(s), s.use(3)))
    assert [9, 9] == parties.again(left)
    parties.run(lambda s: s.use(9))
    assert parties.used[0] == parties.used[1]
    assert 12 == len(set(parties.used[0]))
    assert [0, 0] == parties.again(left)


def test_every_kind_comes_back_as_it_was(parties):
    parties.run(stock)
    bits, dabits = parties.again(lambda s: (open_it(s), s.bit_triples(3), s.dabits(64))[1:])[0]
    np.testing.assert_array_equal(bits[0], bits[2])
    assert [(3,), (64,), (1,)] == [bits[0].shape, dabits[0].shape, dabits[1].shape]
    assert {int(dabits[1][0])} == set(dabits[0].tolist())


def test_nothing_on_disk_can_be_read_and_the_key_is_elsewhere(parties):
    parties.run(stock)
    content = b"".join(path.read_bytes() for path in parties.folder.rglob("*") if path.is_file())
    number = Numbered.lives << 32
    assert not any((number + n).to_bytes(8, "little") in content for n in range(12))
    keys = sorted(parties.keys.rglob("key"))
    assert ["alice", "bob"] == [path.parent.name for path in keys]
    assert {0o600} == {path.stat().st_mode & 0o777 for path in keys}
    assert {0o700} == {path.parent.stat().st_mode & 0o777 for path in keys}
    assert not any(path.read_bytes() in content for path in keys)
    assert 2 == len({path.read_bytes() for path in keys})


def test_no_two_files_share_a_key_so_that_no_nonce_repeats(parties):
    parties.run(stock)
    files = [path for path in parties.folder.rglob("*") if path.suffix == ".chunk" or path.name == "journal"]
    assert len(files) == len({path.read_bytes()[: sealed.SALT_BYTES] for path in files})
    before = (parties.folder / "ot" / "alice" / "journal").read_bytes()
    parties.again(open_it)
    assert before[: sealed.SALT_BYTES] != (parties.folder / "ot" / "alice" / "journal").read_bytes()[: sealed.SALT_BYTES]


def test_memory_stays_flat_however_much_is_made(parties, monkeypatch):
    monkeypatch.setattr(module, "MOST_AT_ONCE_BYTES", 4096 * 24)

    def peak(count):
        tracemalloc.start()
        parties.run(lambda s: (open_it(s), s.prepare({TRIPLES: s.stored() + count}, all_of_it=True)))
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(4096)
    few, many = peak(2 * 4096), peak(16 * 4096)
    assert many < 1.5 * few < 16 * 4096 * 24


def test_a_failed_cell_leaves_the_rest_in_place(parties):
    def fails(supply):
        stock(supply)
        supply.use(3)
        if supply.context.index:
            raise ZeroDivisionError
        supply.use(2)

    with pytest.raises(ZeroDivisionError):
        parties.run(fails)
    rest = parties.run(left)
    assert rest[0] == rest[1] in (7, 9)
    parties.run(lambda s: s.use(rest[0]))
    parties.assert_once()


# -- crashes -----------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """Nothing of the process goes on from here."""


class Killing:
    """The calls by which one party changes the disk; the k-th kills it, before or after it has taken effect."""

    def __init__(self, party, at, after):
        self.party, self.at, self.after, self.calls, self.thread = party, at, after, 0, None

    def __getattr__(self, name):
        real = getattr(os, name)
        if name not in ("open", "fsync", "replace"):
            return real

        def call(*args):
            if threading.current_thread() is not self.thread:
                return real(*args)
            self.calls += 1
            if self.calls == self.at and not self.after:
                raise Killed
            result = real(*args)
            if self.calls == self.at:
                raise Killed
            return result

        return call


def kill_everywhere(tmp_path, monkeypatch, party, after):
    """Kill at every step of opening, adding and taking; then come back, and use up whatever is there. How often, and the waste."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # the order of calls is what counts here
    at, killed, lost = 0, True, []
    while killed:
        at += 1
        parties = Parties(tmp_path / f"stock{at}", tmp_path / f"config{at}", monkeypatch)
        killing = Killing(party, at, after)
        monkeypatch.setattr(sealed, "os", killing)

        def life(supply, killing=killing):
            me = supply.context.index
            if me == killing.party:
                killing.thread = threading.current_thread()
            open_it(supply)
            supply.prepare({TRIPLES: 7}, all_of_it=True)
            supply.use(3)
            supply.context.exchange("step", {1 - me: np.zeros(1, np.uint64)}, {1 - me: (1,)})
            supply.use(3)

        try:
            parties.run(life)
            killed = False
        except Killed:
            killed = True
        monkeypatch.setattr(sealed, "os", os)
        before = [len(each) for each in parties.used]
        rest = parties.again(left)
        assert rest[0] == rest[1]
        parties.run(lambda s, rest=rest: (s.prepare({TRIPLES: rest[0] + 2}, all_of_it=True), s.use(rest[0] + 2)))
        parties.end()
        assert parties.used[0][before[0] :] == parties.used[1][before[1] :]  # what they have still belongs together
        parties.assert_once()
        lost.append(7 - rest[0] - max(before))
    return at - 1, lost


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("party", [0, 1])
def test_nothing_is_used_twice_wherever_a_party_is_killed(tmp_path, monkeypatch, party, after):
    kills, lost = kill_everywhere(tmp_path, monkeypatch, party, after)
    assert 40 < kills
    assert 0 == lost[-1]  # nobody was killed


def test_use_that_is_not_noted_before_is_caught(tmp_path, monkeypatch):
    """The planted fault: taking leaves no trace on the disk until something else does."""
    honest = store.Store.withdraw

    def forgetful(self, *args):
        touch, self._touch = self._touch, lambda: None
        try:
            return honest(self, *args)
        finally:
            self._touch = touch

    monkeypatch.setattr(store.Store, "withdraw", forgetful)
    with pytest.raises(AssertionError):
        kill_everywhere(tmp_path, monkeypatch, 0, False)


def test_a_stock_that_was_never_used_begins_anew_wherever_that_is_stopped(tmp_path, monkeypatch):
    at, killed = 0, True
    while killed:
        at += 1
        parties = Parties(tmp_path / f"stock{at}", tmp_path / f"config{at}", monkeypatch)
        parties.run(open_it)
        parties.end()
        parties.come_back()
        killing = Killing(0, at, after=True)
        monkeypatch.setattr(sealed, "os", killing)

        def life(supply, killing=killing):
            if supply.context.index == 0:
                killing.thread = threading.current_thread()
            open_it(supply)

        try:
            parties.run(life)
            killed = False
        except Killed:
            pass
        monkeypatch.setattr(sealed, "os", os)
        assert [12, 12] == parties.again(lambda s: (stock(s), s.stored())[1])
        parties.end()
    assert 15 < at


def test_what_is_written_is_synced_before_it_has_its_name(tmp_path, monkeypatch):
    calls = []

    class Watching:
        def __getattr__(self, name):
            def call(*args):
                calls.append(name)
                return getattr(os, name)(*args)

            return call if name in ("open", "fsync", "replace") else getattr(os, name)

    monkeypatch.setattr(sealed, "os", Watching())
    sealed.write_whole(tmp_path / "file", b"content")
    assert ["open", "fsync", "replace", "open", "fsync"] == calls
    assert ["file"] == [path.name for path in tmp_path.iterdir()]


# -- copies, changes, strangers ----------------------------------------------------------------------------------------

REFUSALS = "Nothing of it was used"


def test_a_folder_from_a_backup_is_refused(parties, tmp_path):
    parties.run(stock)
    parties.end()
    copy(parties.folder, tmp_path / "backup")
    parties.again(lambda s: (open_it(s), s.use(3)))
    parties.end()
    copy(tmp_path / "backup", parties.folder)
    with pytest.raises(MisuseError, match=f"alice's .* is an older copy, from a backup perhaps.*{REFUSALS}"):
        parties.again(open_it)


def test_a_party_that_comes_back_whole_from_a_backup_is_refused_when_a_peer_is_ahead(parties, tmp_path):
    parties.run(stock)
    parties.end()
    bobs = [parties.folder / "ot" / "bob", next(parties.keys.rglob("bob"))]
    for number, path in enumerate(bobs):
        copy(path, tmp_path / f"backup{number}")
    parties.again(lambda s: (open_it(s), s.use(3)))
    parties.end()
    for number, path in enumerate(bobs):
        copy(tmp_path / f"backup{number}", path)
    with pytest.raises(MisuseError, match="bob's .* is an older copy"):
        parties.again(open_it)


def test_all_parties_and_keys_from_one_backup_cannot_be_told(parties, tmp_path):
    """What the documentation says cannot be told."""
    parties.run(stock)
    parties.end()
    copy(parties.folder, tmp_path / "backup"), copy(parties.keys, tmp_path / "backup_of_keys")
    parties.again(lambda s: (open_it(s), s.use(3)))
    parties.end()
    copy(tmp_path / "backup", parties.folder), copy(tmp_path / "backup_of_keys", parties.keys)
    assert [12, 12] == parties.again(left)


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda folder, keys: flip(folder / "alice" / "journal"), "alice's .* is damaged or was changed"),
        (lambda folder, keys: (folder / "bob" / "triples-0.chunk").unlink(), "bob's .* is damaged or was changed"),
        (lambda folder, keys: (folder / "bob" / "journal").unlink(), "bob's .* is damaged or was changed"),
        (lambda folder, keys: shutil.rmtree(folder / "bob"), "bob's .* is missing, though others have theirs"),
        (lambda folder, keys: next(keys.rglob("bob/key")).unlink(), "bob's .* has no key"),
        (lambda folder, keys: shutil.copy(folder / "alice" / "journal", folder / "bob" / "journal"), "bob's .* is damaged or was changed"),
    ],
)
def test_what_is_not_as_it_was_left_is_refused_by_all(parties, spoil, complaint):
    parties.run(stock)
    parties.end()
    spoil(parties.folder / "ot", parties.keys)
    with pytest.raises(MisuseError, match=f"{complaint}.*{REFUSALS}"):
        parties.again(open_it)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: flip(folder / "alice" / "triples-0.chunk"),
        lambda folder: shutil.copy(folder / "alice" / "triples-5.chunk", folder / "alice" / "triples-0.chunk"),
        lambda folder: shutil.copy(folder / "bob" / "triples-0.chunk", folder / "alice" / "triples-0.chunk"),
        lambda folder: (folder / "alice" / "triples-0.chunk").write_bytes(b""),
    ],
)
def test_a_chunk_that_is_not_what_was_written_there_is_not_used(parties, spoil):
    parties.run(stock)
    parties.end()
    spoil(parties.folder / "ot")
    with pytest.raises(MisuseError, match=r"triples-0.chunk is damaged or was changed"):
        parties.again(lambda s: (open_it(s), s.use(3)))
    assert [] == parties.used[0]


def test_a_stock_belongs_to_its_parties_and_its_source(parties, tmp_path):
    parties.run(stock)
    parties.end()
    mine = store.Store(parties.folder, ("alice", "bob"), 0, "ot")
    assert store.FINE == mine.status
    mine.close()
    assert store.FOREIGN == store.Store(parties.folder, ("alice", "carol"), 0, "ot").status
    assert store.EMPTY == store.Store(parties.folder, ("alice", "bob"), 0, "silent").status


def test_parts_of_different_runs_are_refused(parties, tmp_path):
    parties.run(stock)
    parties.end()
    copy(parties.folder / "ot" / "bob", tmp_path / "bobs")
    shutil.rmtree(parties.folder)
    parties.again(stock)
    parties.end()
    copy(tmp_path / "bobs", parties.folder / "ot" / "bob")
    with pytest.raises(MisuseError, match="comes from different runs"):
        parties.again(open_it)


def test_a_stock_in_use_is_refused(parties):
    parties.run(stock)
    other = store.Store(parties.folder, ("alice", "bob"), 0, "ot")
    assert store.IN_USE == other.status
    parties.end()
    other.load()
    assert store.FINE == other.status
    other.close()
