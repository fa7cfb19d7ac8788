"""Words by which a text narrates: plain technical English does without."""

import re

NARRATION = re.compile(r"(?<![a-z])(?:said|told|whoever|nobody|somebody)(?![a-z])", re.I)
