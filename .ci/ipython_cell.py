"""Runs a `%%mpc` cell in a headless IPython and checks its result: the installed wheel works where no checkout is."""

from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell

import ramp_notebook

CELLS = (
    "%load_ext ramp_notebook",
    "%mpc start --parties alice,bob,carol",
    "%%party alice\nx = 6",
    "%%party bob\ny = 7",
    "%%mpc\nproduct = mpc.reveal(mpc.input('x', owner='alice') * mpc.input('y', owner='bob'))",
    "%mpc stop",
)


def main() -> None:
    assert "site-packages" in Path(ramp_notebook.__file__).parts, ramp_notebook.__file__
    shell = InteractiveShell.instance()
    for cell in CELLS:
        shell.run_cell(cell).raise_error()
    product = shell.user_ns["product"]
    assert product == 42, product


if __name__ == "__main__":
    main()
