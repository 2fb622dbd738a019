"""The `ramp` command. Its first act, before this project and numpy are imported, is to start what parties are forked from."""

import gc
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point: 0 if the cell ran, 1 if it failed, 2 for a wrong command line, 130 if interrupted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if will_start_processes(words):
            from ..runtime.servers import warm_up

            warm_up()  # while the imports below take their time
        from .run import command

        return command(words)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    finally:
        if arguments is None:
            gc.freeze()  # the process ends now: no collector need look once more through all that was imported


def will_start_processes(words: Sequence[str]) -> bool:
    """Whether these words look like a run on party processes; a wrong guess costs time, nothing else."""
    return words[:1] == ["run"] and len(words) > 1 and not {"inline", "--launcher=inline", "--plan", "-h", "--help"} & set(words)
