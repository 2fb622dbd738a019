"""`python -m ramp_notebook.cli` is `ramp`."""

import sys

from . import main

sys.exit(main())
