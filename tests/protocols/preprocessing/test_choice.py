"""`auto` takes the source that is sooner done: silent transfers where much is needed and the uplink is narrow."""

import numpy as np
import pytest
from parties_in_threads import Group, plan, sent_bytes

from ramp_notebook.protocols.garbling.transfers import WireTransfers
from ramp_notebook.protocols.preprocessing.choice import FIGURES, making_seconds, quicker_source, transfers
from ramp_notebook.protocols.preprocessing.engines import engine_named
from ramp_notebook.protocols.preprocessing.sources import source_named
from ramp_notebook.runtime.options import check
from ramp_notebook.runtime.workspace import Workspace
from ramp_notebook.wire.network import NetworkModel, network

WAN = network("wan")


def break_even(model: NetworkModel) -> float:
    """How many transfers with one peer take both engines equally long."""
    usual, silent = FIGURES["ot"], FIGURES["silent"]
    start = making_seconds(silent, 1, 1, model) - making_seconds(usual, 1, 1, model)
    bytes_each = (usual.bits_per_ot - silent.bits_per_ot) / 8
    return start / (model.serialisation_seconds(1) * bytes_each - (silent.seconds_per_ot - usual.seconds_per_ot))


@pytest.mark.parametrize("name", ["wan", "mobile", "satellite"])
@pytest.mark.parametrize("parties", [2, 5])
def test_there_is_a_break_even_and_it_is_found(name: str, parties: int) -> None:
    model = NetworkModel("of no delay", 0.0, network(name).bandwidth_bytes_per_second)
    triples = break_even(model) / 64
    assert "ot" == quicker_source({("triples",): int(0.9 * triples)}, parties, model)
    assert "silent" == quicker_source({("triples",): int(1.1 * triples)}, parties, model)


@pytest.mark.parametrize(("name", "products"), [("wan", 20_000), ("mobile", 4_000)])
def test_the_break_even_is_where_the_readme_has_it(name: str, products: int) -> None:
    assert ["ot", "silent"] == [quicker_source({("triples",): count}, 2, network(name)) for count in (products // 2, products * 3 // 2)]


def test_where_sending_is_cheaper_than_working_nothing_is_silent() -> None:
    assert "ot" == quicker_source({("triples",): 10**9}, 2, network("lan"))


def test_without_a_network_or_a_need_that_is_known_it_is_softspoken() -> None:
    assert "ot" == quicker_source({("triples",): 10**9}, 2, None)
    assert "ot" == quicker_source({}, 2, WAN)


def test_what_there_is_counts() -> None:
    few, many = {("bit_triples",): 50}, {("triples",): 10**6}
    ready = {"source": {"ready": True}, "stock": {}}
    assert ["ot", "silent"] == [quicker_source(few, 2, WAN, kept) for kept in ({}, {"silent": ready})]
    assert ["silent", "ot"] == [quicker_source(many, 2, WAN, kept) for kept in ({}, {"ot": {**ready, "stock": many}})]


@pytest.mark.parametrize("name", FIGURES)
def test_the_figures_are_what_a_plan_counts(name: str) -> None:
    figures, engines = FIGURES[name], [engine_named(name) for _ in range(2)]
    _, start = plan(2, lambda context: engines[context.index].extend(context, 0))
    assert (figures.start_bytes, figures.start_rounds) == (sent_bytes(start, 0), max(message.round for message in start.messages))
    count = 3 * 9_000_000
    _, trace = plan(2, lambda context: engines[context.index].extend(context, count))
    assert figures.bits_per_ot == pytest.approx(8 * sent_bytes(trace, 0) / count, abs=0.01)


@pytest.mark.parametrize("kind", [("triples",), ("bit_triples",), ("dabits",), ("matrix_triples", 2, 3, 4), ("translations", 9, 1, 1)])
def test_so_many_transfers_are_taken(kind: tuple[object, ...]) -> None:
    """As the engine is asked."""
    sources = [source_named("ot") for _ in range(2)]

    def body(context: object) -> list[int]:
        engine = sources[context.index]._engine  # type: ignore
        asked, honest = [], engine.extend

        def extend(context: object, count: int, *args: object, **kwargs: object) -> object:
            asked.append(count)
            return honest(context, count, *args, **kwargs)

        engine.extend = extend
        sources[context.index].make(context, kind, 3)  # type: ignore
        return asked

    with np.errstate(over="ignore"):
        results, _ = Group(2).run(body)
    assert 3 * transfers(kind) == sum(results[0])


def test_transfers_of_garbled_inputs_count_one_by_one() -> None:
    sources, count = [WireTransfers("ot") for _ in range(2)], 1000
    _, start = plan(2, lambda context: sources[context.index].set_up(context))
    _, trace = plan(2, lambda context: sources[context.index].make(context, ("transfers",), count))
    assert transfers(("transfers",)) * count * FIGURES["ot"].bits_per_ot == 8 * sent_bytes(trace, 1)
    assert 0 == sent_bytes(trace, 0) < sent_bytes(start, 0)


def test_auto_sees_what_garbled_circuits_need() -> None:
    workspace = Workspace()
    given = {"parties": "2", "protocol": "garbled", "launcher": "inline", "plan": True, "network": "satellite"}
    text = 'z = mpc.input("x", owner="alice") < mpc.input("y", owner="bob")'
    silent = []
    for shape in (["x@alice=10", "y@bob=10"], ["x@alice=50_000", "y@bob=50_000"]):
        run = workspace.run(workspace.options({**given, "shape": shape}), text, {}, workspace.new_filename())
        silent.append("regular learning parity with noise" in run.label.text())
    assert [False, True] == silent


def test_auto_is_the_default_and_a_cell_says_in_its_label_what_ran() -> None:
    assert "auto" == check({}, {}).preprocessing
    workspace = Workspace()
    given = {"parties": "2", "protocol": "additive", "launcher": "inline", "plan": True, "shape": ["x@alice=200_000", "y@bob=200_000"]}
    text = 'z = mpc.input("x", owner="alice") * mpc.input("y", owner="bob")'
    labels = {}
    for name in (None, "lan", "satellite"):
        options = workspace.options({**given, "network": name})
        labels[name] = workspace.run(options, text, {}, workspace.new_filename()).label.text()
    flag = "regular learning parity with noise"
    assert [False, False, True] == [flag in labels[name] for name in (None, "lan", "satellite")]
