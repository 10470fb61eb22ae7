"""What a person trusts in a skops file: types, each by its name."""

from __future__ import annotations

from collections.abc import Sequence

from quarterdeck.core.errors import IntegrityError, RefusedError, UsageError
from quarterdeck.core.models.trusted_names import is_denied


def trusted_types(foreign: Sequence[str], trust: Sequence[str]) -> tuple[str, ...]:
    """The types that a person trusts, each by its name. RefusedError lists what is left."""
    denied = [name for name in foreign if is_denied(name)]
    if denied:
        raise IntegrityError(f"it holds {', '.join(denied)}, which nobody can trust into a model", hint="do not use it")
    left = [name for name in foreign if name not in trust]
    if left:
        flags = " ".join(f"--trust {name}" for name in foreign)
        message = f"it holds types that are not known to be safe: {', '.join(left)}"
        raise RefusedError(message, hint=f"if you know each of them, add {flags}")
    needless = [name for name in trust if name not in foreign]
    if needless:
        raise UsageError(f"--trust {needless[0]}: the file holds no such type that needs it", hint="leave it out")
    return tuple(foreign)
