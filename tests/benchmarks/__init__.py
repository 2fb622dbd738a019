"""Speed as ratios: each line beside this machine's floor, measured in the same run."""
