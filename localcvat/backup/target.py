"""Which CVAT a backup is judged for: 2.15, which was observed, or the newer ones with pools.

Source: backup specification, where 2.15 and NEW differ (sections 5, 6, 11 and 13). NEW is roughly
2.30 and later; which rules a version between the two has is not known, and 2.15's are stricter.
"""

from __future__ import annotations

import re

from localcvat.errors import UsageError

OBSERVED = "2.15"
NEWEST = "newest"
FIRST_NEWER = (2, 30)


def is_newer(target: str) -> bool:
    """Whether the CVAT called `target` (``2.15``, ``2.41.0``, ``newest``) goes by the newer rules.

    Raises UsageError for what is no version.
    """
    if target == NEWEST:
        return True
    found = re.fullmatch(r"v?(\d{1,4})\.(\d{1,4})(\.\d+)*", target)
    if found is None:
        hint = f"as {OBSERVED}, 2.41 or {NEWEST}"
        raise UsageError(f"{target!r} is no version of CVAT", hint=hint)
    return (int(found[1]), int(found[2])) >= FIRST_NEWER
