"""What happens when a party cheats, at every message and in every way: `make attacks`."""
