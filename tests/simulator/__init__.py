"""An in-memory outside world behind the real ports, with faults as ordinary values."""
