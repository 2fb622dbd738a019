"""A real kernel: the first cell is soon there, interrupts are prompt, progress leaves no trace, parties end with the kernel."""

import os
import time

import nbformat
import psutil
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient

pytestmark = pytest.mark.process
PRODUCT = "%%mpc\nx = mpc.random(3)\nzero = mpc.reveal(x * x) * 0"


class Kernel:
    """A kernel in which a test types cells."""

    def __init__(self):
        self.manager = KernelManager(kernel_name="python3", transport="ipc")
        self.manager.start_kernel()
        self._connect()

    def _connect(self):
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.pid = self.manager.provisioner.pid

    def send(self, code):
        return self.client.execute(code)

    def messages(self, sent):
        """What the cell showed: (type, content), until it ended."""
        found = []
        while True:
            message = self.client.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") != sent:
                continue
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return found
            if message["msg_type"] not in ("status", "execute_input"):
                found.append((message["msg_type"], message["content"]))

    def run(self, code):
        found = self.messages(self.send(code))
        assert not [content for kind, content in found if kind == "error"]
        return found

    def children(self):
        return psutil.Process(self.pid).children(recursive=True)

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def kernel():
    kernel = Kernel()
    kernel.run("%load_ext ramp_notebook")
    yield kernel
    kernel.close()


def gone(processes, seconds=2.0):
    return not psutil.wait_procs(processes, timeout=seconds)[1]


def test_the_first_cell_is_soon_there(kernel):
    start = time.monotonic()
    shown = kernel.run(PRODUCT)
    assert time.monotonic() - start < 5  # 0.3 s on a quiet machine
    assert "semi-honest, 1 of 3" in shown[-1][1]["data"]["text/plain"]


def test_an_interrupt_is_prompt_and_short(kernel):
    kernel.run(PRODUCT)
    before = {child.pid for child in kernel.children()}
    sent = kernel.send("%%mpc\nimport time\ntime.sleep(60)")
    time.sleep(0.7)
    kernel.manager.interrupt_kernel()
    start = time.monotonic()
    ((kind, content),) = kernel.messages(sent)
    assert time.monotonic() - start < 1.0
    assert ("error", "KeyboardInterrupt") == (kind, content["ename"])
    assert ["alice", "bob", "carol"] == [line.split()[0] for line in content["traceback"][1:]], "where each party was"
    assert kernel.run(PRODUCT)
    assert before == {child.pid for child in kernel.children()}


def test_progress_shows_after_a_second_and_is_taken_away(kernel):
    kinds = [kind for kind, _ in kernel.run("%%mpc --quiet\nimport time\nx = mpc.random(10)\nfor k in range(14):\n    time.sleep(0.1)\n    x = x * x")]
    assert {"comm_open", "display_data"} <= set(kinds)
    assert ["comm_close", "clear_output"] == kinds[-2:]
    assert [] == kernel.run("%%mpc --quiet\nx = x * x")


def test_names_complete_and_explain_themselves(kernel):
    def complete(text):
        return kernel.client.complete(text, len(text), reply=True, timeout=20)["content"]["matches"]

    assert ["--protocol"] == complete("%%mpc --pro")
    assert ["clear"] == complete("%%mpc --protocol cl")
    assert ["alice", "all"] == complete("%%party al")
    assert ["restart"] == complete("%mpc res")
    payload = kernel.messages(kernel.send("%%mpc?"))
    assert [] == payload  # it goes to the pager, not to the cell


def test_parties_start_after_a_reset_of_the_notebook(kernel):
    kernel.run("%reset -f")
    kernel.run("%mpc restart")
    kernel.run(PRODUCT)


def test_a_restart_ends_all_parties(kernel):
    kernel.run(PRODUCT)
    children = kernel.children()
    kernel.manager.restart_kernel(now=True)
    assert gone(children, 6.0)
    kernel.client.stop_channels()
    kernel._connect()
    kernel.run("%load_ext ramp_notebook")
    kernel.run(PRODUCT)


def test_a_killed_kernel_leaves_no_process():
    kernel = Kernel()
    try:
        kernel.run("%load_ext ramp_notebook")
        kernel.run(PRODUCT)
        children = kernel.children()
        parties = [child for child in children if child.ppid() != kernel.pid]
        assert len(parties) == 3
        os.kill(kernel.pid, 9)
        assert gone(parties)
        assert gone(children, 6.0)  # the servers too: 0.3 s on a quiet machine
    finally:
        kernel.close()


def test_what_a_saved_notebook_holds():
    cells = [
        "%load_ext ramp_notebook",
        "%mpc config launcher=inline charts=timeline,traffic",
        "%%mpc\nimport time\nx = mpc.random(10)\nfor k in range(12):\n    time.sleep(0.1)\n    x = x * x\nzero = mpc.reveal(x) * 0",
        "%%mpc\nzero = mpc.reveal(x) * 0;",
        "%mpc last\n",
        "try:\n    get_ipython().run_cell_magic('mpc', '--protokol clear', 'x = 1')\nexcept Exception as e:\n    print(e)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    NotebookClient(notebook, timeout=60, store_widget_state=False).execute()
    shown = [[output.output_type for output in cell.outputs] for cell in notebook.cells]
    assert [[], ["stream"]] == shown[:2]
    assert ["display_data", "execute_result"] == shown[2][-2:]
    assert not any("widget" in mime for output in notebook.cells[2].outputs for mime in output.data)
    assert "execute_result" not in shown[3], "a semicolon silences the report"
    assert "zero = [0 0 0 0 0 0 0 0 0 0]" in notebook.cells[4].outputs[-1].data["text/plain"]
    assert "did you mean --protocol?" in notebook.cells[5].outputs[0].text
