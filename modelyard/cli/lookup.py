"""Models by name: of the catalog, of a folder, or of the hub, which is asked only for what the catalog lacks."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelyard.catalog.models import Model


def find_anywhere(name: str) -> "Model":
    """The model that ``name`` means.

    Raises:
        UnknownNameError: nothing of that name; names the nearest.
        ModelyardError: the hub cannot be reached, or what is there cannot be sized.
    """
    import os
    from datetime import UTC, datetime

    from modelyard.cli.console import say
    from modelyard.errors import UsageError
    from modelyard.hub import resolve

    if not name.strip():
        raise UsageError("no model is named", resolution="`modelyard models` lists those of the catalog")
    return resolve(name, endpoint=os.environ.get("HF_ENDPOINT") or None, today=datetime.now(tz=UTC).date(), say=say)


def hub_resolver() -> "Callable[[str], Model | None]":
    """Looks a table's models up, each once; what cannot be read is raised, and becomes that row's error.

    A table names many models. After the first that no network could be found for, the hub is not asked again.
    """
    from modelyard.errors import ExitCode, ModelyardError

    known: dict[str, Model | ModelyardError] = {}
    offline: list[ModelyardError] = []

    def find(hub_id: str) -> "Model | None":
        if hub_id not in known:
            try:
                if offline and not hub_id.startswith((".", "/", "~")):
                    raise offline[0]
                known[hub_id] = find_anywhere(hub_id)
            except ModelyardError as error:
                known[hub_id] = error
                if error.exit_code is ExitCode.FAILED and "cannot be reached" in str(error):
                    offline.append(error)
        found = known[hub_id]
        if isinstance(found, ModelyardError):
            raise found
        return found

    return find
