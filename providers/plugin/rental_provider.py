"""The rental provider's lifecycle. It checks and diffs rentals and makes access keys; it does not rent yet.

``create`` of a Machine refuses before anything is sent to a vendor, so nothing can be spent by this version.
"""

import secrets

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import (
    CheckFailure,
    CheckRequest,
    CheckResponse,
    ConfigureRequest,
    ConfigureResponse,
    CreateRequest,
    CreateResponse,
    DeleteRequest,
    DiffRequest,
    DiffResponse,
    GetSchemaRequest,
    GetSchemaResponse,
    PropertyDiff,
    PropertyDiffKind,
    Provider,
    UpdateRequest,
    UpdateResponse,
)

from modelyard.resources import UNKNOWN
from providers.plugin.inputs import problems
from providers.plugin.rental_schema import RESOURCES, replaces, schema
from providers.plugin.values import plain_map

NOT_YET = (
    "this version of modelyard prices, checks and previews rented machines; it does not rent them yet. "
    "Nothing was sent to any vendor and nothing was spent."
)


class RentalProvider(Provider):
    """Machine, Ready and AccessKey."""

    async def get_schema(self, request: GetSchemaRequest) -> GetSchemaResponse:
        """The package schema."""
        del request
        return GetSchemaResponse(schema())

    async def configure(self, request: ConfigureRequest) -> ConfigureResponse:
        """No credentials are needed to preview; unknown outputs in preview are left to the engine."""
        del request
        return ConfigureResponse(
            accept_secrets=True, supports_preview=False, accept_resources=False, accept_outputs=False
        )

    async def check(self, request: CheckRequest) -> CheckResponse:
        """Refuse bad inputs by property, before anything is planned."""
        kind = _kind(request.type)
        if kind not in RESOURCES:
            return CheckResponse(failures=[CheckFailure("", f"'{kind}' is not a rental resource")])
        found = problems(kind, plain_map(request.new_inputs))
        return CheckResponse(inputs=request.new_inputs, failures=[CheckFailure(name, reason) for name, reason in found])

    async def diff(self, request: DiffRequest) -> DiffResponse:
        """What changed, and whether it takes a new machine: as the schema says."""
        kind = _kind(request.type)
        inputs = set(RESOURCES[kind]["inputProperties"])
        old = {k: v for k, v in plain_map(request.old_state).items() if k in inputs}
        new = plain_map(request.new_inputs)
        changed = sorted(
            key
            for key in {*old, *new} - set(request.ignore_changes)
            if new.get(key) is UNKNOWN or old.get(key) != new.get(key)
        )
        replacing = [key for key in changed if key in replaces(kind)]
        return DiffResponse(
            changes=bool(changed),
            replaces=replacing,
            diffs=changed,
            # A second machine beside the first would be a second bill.
            delete_before_replace=kind.endswith(":Machine"),
            detailed_diff={
                key: PropertyDiff(
                    PropertyDiffKind.UPDATE_REPLACE if key in replacing else PropertyDiffKind.UPDATE, input_diff=True
                )
                for key in changed
            },
        )

    async def create(self, request: CreateRequest) -> CreateResponse:
        """Make an access key; refuse to rent."""
        if not request.type.endswith(":AccessKey"):
            raise NotImplementedError(f"{request.name}: {NOT_YET}")
        length = plain_map(request.properties)["length"]
        if not isinstance(length, int):
            raise TypeError(f"{request.name}: length must be known before a key can be made")
        value = PropertyValue(secrets.token_urlsafe(length), is_secret=True)
        return CreateResponse(
            resource_id=f"key-{secrets.token_hex(8)}", properties={**request.properties, "value": value}
        )

    async def update(self, request: UpdateRequest) -> UpdateResponse:
        """Nothing that exists can be updated in place: access keys are replaced, machines do not exist yet."""
        raise NotImplementedError(f"{request.name}: {NOT_YET}")

    async def delete(self, request: DeleteRequest) -> None:
        """An access key lives in the state alone, so there is nothing else to delete."""
        if not request.type.endswith(":AccessKey"):
            raise NotImplementedError(f"{request.name}: {NOT_YET}")


def _kind(qualified: str) -> str:
    """The resource's own type token: a child's URN names the types of its parents before it."""
    return qualified.rpartition("$")[2]
