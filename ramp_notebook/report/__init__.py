"""Reports: how a Run shows itself, as text, as a table, as pictures. Pure functions of the Run; nothing here varies with time.

`text` is for terminals and comparisons, `page` for notebooks (safe where scripts are not), `bundle` joins them with a chart.
"""

from .bundle import bundle, pictures
from .page import page
from .text import text

__all__ = ["bundle", "page", "pictures", "text"]
