"""Protocol-independent secure building blocks; sees only the public names of ramp_notebook."""
