"""Tests of the pages below ``docs/``, and what renders those that come from the code."""
