"""The language a cell is written in: operators on shared arrays."""
