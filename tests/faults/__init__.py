"""A fault proxy in front of real servers, and what `up` makes of each fault (tier T2 of the fault matrix)."""
