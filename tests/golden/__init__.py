"""Recorded behaviour of the program: commands, exports, bundles. See README.md beside this file."""
