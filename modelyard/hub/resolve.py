"""From what a user wrote to a model: the catalog first, which needs no network, then a folder or the hub.

Everything that reads is imported when it is needed: most questions are about models of the catalog, and a cold start
counts.
"""

from datetime import date

from modelyard.catalog.models import Model, find_model
from modelyard.errors import UnknownNameError, quote
from modelyard.hub.files import Say
from modelyard.hub.reference import find_local, parse_reference


def _silent(text: str) -> None:
    """Say nothing."""


def read_model(
    ref: str, *, token: str | None = None, endpoint: str | None = None, today: date, say: Say = _silent
) -> Model:
    """Read a model of the hub or of a local folder. Only JSON files and headers are read, never weights.

    Args:
        ref: ``ORG/NAME[@REVISION][:QUANTIZATION]``, a folder, or a .gguf file.
        token: hub token; None: what huggingface_hub finds (``HF_TOKEN``, or a login). It is never shown.
        endpoint: address of the hub; None: ``HF_ENDPOINT``, else huggingface.co.
        today: date that the facts carry.
        say: told what the user should know although it goes on, such as a new name.

    Returns:
        The model as a row of the catalog. ``unknown`` names what could not be told; sizes are bytes.

    Raises:
        UnknownNameError: no such repository; names the nearest models.
        UsageError: not a model that can be sized, or files are missing or cut short.
        ModelyardError: gated, or the hub cannot be reached.
    """
    from modelyard.hub.folder import FolderFiles  # noqa: PLC0415  # see the module's docstring
    from modelyard.hub.read import read_files  # noqa: PLC0415  # see the module's docstring

    path = find_local(ref)
    if path is not None:
        return read_files(FolderFiles(path), today=today, quantization=None, say=say)
    reference = parse_reference(ref)
    from modelyard.hub.remote import HubFiles  # noqa: PLC0415  # a local folder needs no network library

    files = HubFiles(reference, token=token, endpoint=endpoint)
    if files.origin.renamed_from is not None:
        say(f"the hub has renamed {quote(files.origin.renamed_from)} to {quote(files.origin.hub_id)}")
    return read_files(files, today=today, quantization=reference.quantization, say=say)


def resolve(
    name: str, *, token: str | None = None, endpoint: str | None = None, today: date, say: Say = _silent
) -> Model:
    """The model that ``name`` means: of the catalog, else of a folder, else of the hub where ``name`` has a slash.

    Args:
        name: catalog name or alias, or what ``read_model`` takes.
        token: hub token; None: what huggingface_hub finds (``HF_TOKEN``, or a login).
        endpoint: address of the hub; None: ``HF_ENDPOINT``, else huggingface.co.
        today: date that facts read now carry.
        say: told what the user should know although it goes on.

    Raises:
        UnknownNameError: nothing of that name; names the nearest.
        UsageError: not a model that can be sized, or files are missing or cut short.
        ModelyardError: gated, or the hub cannot be reached.
    """
    try:
        return find_model(name)
    except UnknownNameError:
        if "/" not in name and find_local(name) is None:
            raise
    return read_model(name, token=token, endpoint=endpoint, today=today, say=say)
