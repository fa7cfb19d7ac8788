"""What a run intended and finished: for recovery, ours; the signed evidence is the ledger's.

The journal explains, it never overrules the world.
"""
