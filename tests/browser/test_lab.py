"""The first tutorials in a real JupyterLab, in a headless browser: everything draws, a slider moves, nothing leaves the machine."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

TUTORIALS = Path(__file__).parents[2] / "tutorials"
SETTINGS = {
    "@jupyterlab/notebook-extension/tracker.jupyterlab-settings": {"autoStartDefaultKernel": True, "windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification.jupyterlab-settings": {"fetchNews": "false", "checkForUpdates": False},
}
FLAGS = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync --no-first-run"
KERNEL_READY = """async () => {
  const panel = window.jupyterapp.shell.currentWidget;
  await panel.context.ready; await panel.sessionContext.ready; await panel.sessionContext.session.kernel.info;
}"""

pytestmark = pytest.mark.browser


@pytest.fixture
def lab(tmp_path):
    """(address, token) of a JupyterLab with folders of its own, on a copy of the tutorials."""
    work, settings = tmp_path / "work", tmp_path / "settings"
    shutil.copytree(TUTORIALS, work)
    for name, value in SETTINGS.items():
        (settings / name).parent.mkdir(parents=True, exist_ok=True)
        (settings / name).write_text(json.dumps(value))
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_WORKSPACES_DIR": "spaces",
    }
    environment = {**os.environ, **{k: str(tmp_path / v) for k, v in folders.items()}, "JUPYTERLAB_SETTINGS_DIR": str(settings)}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    options = ["--no-browser", "--ip=127.0.0.1", f"--port={port}", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={work}"]
    options += ["--expose-app-in-browser", *(["--allow-root"] if os.geteuid() == 0 else [])]
    with (tmp_path / "lab.log").open("w") as log:
        server = subprocess.Popen([sys.executable, "-m", "jupyterlab", *options], env=environment, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            for _ in range(240):
                try:
                    urllib.request.urlopen(f"{address}/api/status?token={token}", timeout=1)
                    break
                except OSError:
                    time.sleep(0.25)
            yield address, token, work
        finally:
            server.send_signal(signal.SIGINT)
            server.send_signal(signal.SIGINT)
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()


@pytest.fixture
def page(lab):
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.fail("the browser tests need chromium on the PATH")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=FLAGS.split())
        page = browser.new_page(viewport={"width": 1200, "height": 1100})
        page.set_default_timeout(60_000)
        yield page
        browser.close()


def run_all(page, lab, name):
    address, token, _ = lab
    page.goto(f"{address}/lab/tree/{name}?token={token}&reset")
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell")
    page.evaluate(KERNEL_READY)
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")


def test_the_first_tutorial_runs_and_draws_in_both_themes(page, lab):
    foreign = []
    page.on("request", lambda request: foreign.append(request.url) if not request.url.startswith((lab[0], "data:", "blob:")) else None)
    run_all(page, lab, "01_secrets_in_pieces.ipynb")
    page.wait_for_function(
        "() => document.querySelectorAll('.jp-RenderedHTMLCommon.jp-OutputArea-output, .js-plotly-plot .main-svg').length > 1"
    )
    page.wait_for_function("() => [...document.querySelectorAll('.jp-InputPrompt')].every(p => !p.textContent.includes('*'))")
    assert "3 parties" in page.inner_text(".jp-Notebook")
    assert page.locator(".js-plotly-plot .main-svg").count() > 0
    save = os.environ.get("RAMP_SCREENSHOTS")
    plot = page.locator(".js-plotly-plot").first
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        page.evaluate("theme => { window.jupyterapp.commands.execute('apputils:change-theme', {theme}); }", theme)
        page.wait_for_timeout(1500)
        plot.scroll_into_view_if_needed()
        if save:
            page.screenshot(path=f"{save}/{theme.split()[1].lower()}.png")
            plot.locator("xpath=ancestor::div[contains(@class,'jp-Cell') and contains(@class,'jp-CodeCell')]").screenshot(
                path=f"{save}/cell_{theme.split()[1].lower()}.png"
            )
    assert [] == foreign


def test_a_slider_moves_the_prediction(page, lab):
    _, _, work = lab
    notebook = json.loads((work / "01_secrets_in_pieces.ipynb").read_text())
    cells = {cell["id"]: cell for cell in notebook["cells"]}
    slider = {"cell_type": "code", "execution_count": None, "id": "slider", "metadata": {}, "outputs": []}
    slider["source"] = "run.what_if()"
    notebook["cells"] = [c for c in cells.values() if "assert" not in "".join(c["source"])] + [slider]
    (work / "slider.ipynb").write_text(json.dumps(notebook))
    run_all(page, lab, "slider.ipynb")
    handle = page.wait_for_selector(".widget-slider .noUi-handle, .widget-hslider .noUi-handle", state="attached")
    output = page.locator(".jp-CodeCell").last.locator(".jp-OutputArea").first
    page.wait_for_timeout(1500)
    before = output.inner_text()
    handle.scroll_into_view_if_needed()
    handle.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "before => [...document.querySelectorAll('.jp-CodeCell')].at(-1).querySelector('.jp-OutputArea').innerText !== before", arg=before
    )
