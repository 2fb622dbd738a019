"""Executes notebooks headless: `refresh` rewrites them in place, `demo` prints one's result card and makes a page of it.

python tests/tools/notebooks.py refresh tutorials/*.ipynb
python tests/tools/notebooks.py demo tutorials/12_federated_blocklists.ipynb build/demo
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from plotly.io import to_html
from traitlets.config import Config

CELL_TIMEOUT_SECONDS = 600
CHART = "application/vnd.plotly.v1+json"


def execute(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """Run every cell in a fresh kernel whose working folder is `folder`; a failing cell raises, with its text."""
    with tempfile.TemporaryDirectory(prefix="ramp-kernel-") as sockets:
        config = Config()
        if os.name == "posix":  # no TCP ports, and no warning about them in every kernel
            config.KernelManager.transport = "ipc"
            config.KernelManager.ip = f"{sockets}/kernel"  # the default is relative, and the kernel's folder is another
        client = NotebookClient(
            notebook,
            config=config,
            kernel_name="python3",
            timeout=CELL_TIMEOUT_SECONDS,
            resources={"metadata": {"path": str(folder)}},
            store_widget_state=False,  # one saved chart widget is megabytes of script
            record_timing=False,
            coalesce_streams=True,
        )
        return client.execute()


def normalise(notebook: NotebookNode) -> None:
    """Drop what differs between two runs of the same notebook, so that a refresh changes only what a cell shows."""
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for position, cell in enumerate(notebook.cells):
        cell.id = f"cell-{position:02d}"
        cell.metadata = nbformat.from_dict({"tags": cell.metadata["tags"]} if "tags" in cell.metadata else {})
        for output in cell.get("outputs", ()):
            if "metadata" in output:
                output.metadata = nbformat.from_dict({})


def refresh(paths: list[Path]) -> None:
    for path in paths:
        started = time.monotonic()
        notebook = nbformat.read(path, as_version=4)
        execute(notebook, path.parent)
        normalise(notebook)
        nbformat.write(notebook, path)
        print(f"{path}: {time.monotonic() - started:.1f} s, {path.stat().st_size / 1000:.0f} KB")


def output_text(cell: NotebookNode) -> str:
    """What a cell shows where only text can be shown."""
    texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.get("outputs", ())]
    return "\n".join(text.rstrip() for text in texts if text.strip())


def result_card(notebook: NotebookNode) -> str:
    """The text output of the last `%%mpc` cell, and of each cell after it that shows something."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    last = max((k for k, cell in enumerate(code) if cell.source.lstrip().startswith("%%mpc")), default=0)
    return "\n\n".join(filter(None, map(output_text, code[last:])))


def draw_charts(notebook: NotebookNode) -> None:
    """Turn chart data into HTML that draws itself; the first chart brings the script for all, so the page works offline."""
    script: Any = True
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if CHART in data:
                figure = json.loads(json.dumps(data.pop(CHART)))  # notebook nodes are dicts of another class
                data["text/html"] = to_html(figure, include_plotlyjs=script, full_html=False, validate=False)
                script = False


def demo(path: Path, folder: Path) -> None:
    started = time.monotonic()
    print(f"Running {path} with its parties in processes of their own …", flush=True)
    notebook = nbformat.read(path, as_version=4)
    execute(notebook, path.parent)
    normalise(notebook)
    folder.mkdir(parents=True, exist_ok=True)
    executed, page = folder / path.name, folder / f"{path.stem}.html"
    nbformat.write(notebook, executed)
    draw_charts(notebook)
    body, _ = HTMLExporter(require_js_url="", jquery_url="", mathjax_url="").from_notebook_node(notebook)
    page.write_text(body, encoding="utf-8")
    print(f"\n{result_card(notebook)}\n")
    print(f"That took {time.monotonic() - started:.0f} s. See it in full: {page} in a browser, or {executed} in Jupyter.")
    print("Go on: `make lab` opens JupyterLab on the tutorials.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("refresh").add_argument("notebooks", nargs="+", type=Path)
    one = commands.add_parser("demo")
    one.add_argument("notebook", type=Path)
    one.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "refresh":
        refresh(arguments.notebooks)
    else:
        demo(arguments.notebook, arguments.folder)


if __name__ == "__main__":
    main()
