"""Sessions, cells, plans, party processes, launchers and the coordinator."""
