"""Channels, frames, sockets, network models: moves arrays between parties, knows nothing of what they mean."""
