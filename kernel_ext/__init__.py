"""The only code that imports IPython: magics, completion, progress, display."""
