"""Violations that somebody plants on a finished platform, for each claim of `verify`: one list "
"for simulator and lab."""
