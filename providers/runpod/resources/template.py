"""A template: container settings that a pod, an endpoint or a cluster is filled in with once."""

from collections.abc import Sequence
from typing import Any, Final

from providers.base.accounts import Accounts
from providers.base.marker import read_marker
from providers.base.resource import Change, Field, Found, Plain, ResourceType, Wanted
from providers.runpod.client import client_for
from providers.runpod.errors import invalid
from providers.runpod.replies import Template
from providers.runpod.resources.common import (
    VENDOR_NAME,
    changes,
    container_body,
    container_change,
    container_fields,
    container_outputs,
    given,
    gone,
    is_ours,
    name_field,
    picked,
    refuse,
    renamed,
    titled,
)

_PLAIN: Final = {
    name: name for name in ("allowedCudaVersions", "category", "public", "serverless", "startSsh", "startJupyter")
}


def _check(inputs: Plain) -> Sequence[tuple[str, str]]:
    found = [] if given(inputs, "image") else [("image", "is required")]
    if given(inputs, "volumeGb") != given(inputs, "volumePath"):
        found.append(("volumeGb", "and volumePath go together"))
    return found


def _switch(name: str, description: str) -> Field:
    return Field(name=name, kind="boolean", description=description, change=Change.UPDATE)


TEMPLATE: Final = ResourceType(
    module="runpod",
    name="Template",
    description="A template. What was made of it does not follow its changes.",
    inputs=(
        name_field(),
        *container_fields(Change.UPDATE),
        Field(
            name="allowedCudaVersions",
            kind="array",
            description="Exact CUDA versions; empty: any.",
            change=Change.UPDATE,
            pattern=r"^\d+\.\d+$",
        ),
        Field(
            name="category",
            kind="string",
            description="Where the console lists it; default NVIDIA.",
            change=Change.UPDATE,
            choices=("NVIDIA", "AMD", "CPU"),
        ),
        Field(
            name="volumeGb",
            kind="integer",
            description="A volume on the pod's own host, GB.",
            change=Change.UPDATE,
            minimum=10,
        ),
        Field(name="volumePath", kind="string", description="Where it is mounted.", change=Change.UPDATE),
        _switch("public", "Whether everybody sees it; default false."),
        _switch("serverless", "Whether it is for endpoints instead of pods; default false."),
        _switch("startSsh", "Let the account's SSH keys in; default true."),
        _switch("startJupyter", "Start Jupyter; default true."),
    ),
    outputs=(VENDOR_NAME,),
    billed=False,
    check=_check,
)


class TemplateLifecycle:
    """Templates as resources."""

    kind = TEMPLATE

    def __init__(self, accounts: Accounts) -> None:
        self._client = client_for(accounts)

    async def create(self, wanted: Wanted) -> Found:
        """Make it once."""
        inputs = wanted.inputs
        refuse(TEMPLATE, inputs)
        body = {"name": titled(wanted).name, **container_body(inputs), **picked(inputs, _PLAIN), **_mounts(inputs)}
        return _found(await self._client.create_template(body, secrets=wanted.secrets))

    async def find(self, wanted: Wanted) -> Sequence[Found]:
        """The templates that carry this resource's marker."""
        found = [_found(template) for template in await self._client.list_templates()]
        return [item for item in found if is_ours(item.marker, wanted)]

    async def read(self, object_id: str) -> Found | None:
        """The template as it is now."""
        template = await self._client.get_template(object_id)
        return _found(template) if template else None

    async def update(self, object_id: str, *, old: Plain, new: Plain, changed: Sequence[str]) -> Found:
        """Change it in place."""
        body: dict[str, Any] = {
            **container_change(new, changed, TEMPLATE),
            **changes(new, changed, _PLAIN, TEMPLATE),
        }
        if {"volumeGb", "volumePath"} & set(changed):
            if not _mounts(new) and _mounts(old):
                raise invalid(
                    "Template: its volume cannot be taken away",
                    resolution="Replace the template (`pulumi up --replace URN`).",
                )
            body |= _mounts(new)
        template = await self._client.get_template(object_id)
        if template is None:
            raise gone(TEMPLATE, object_id)
        if "name" in changed:
            body["name"] = renamed(template.name, new)
        return _found(await self._client.patch_template(object_id, body) if body else template)

    async def delete(self, object_id: str) -> None:
        """Delete it; refused while something uses it."""
        await self._client.delete_template(object_id)

    def console_url(self, object_id: str) -> str:
        """Where the account's templates are shown."""
        del object_id
        return "https://console.runpod.io/user/templates"


def _mounts(inputs: Plain) -> dict[str, Any]:
    if not given(inputs, "volumeGb"):
        return {}
    return {"mounts": {"persistent": {"size": inputs["volumeGb"], "path": inputs["volumePath"]}}}


def _found(template: Template) -> Found:
    volume = template.mounts.persistent if template.mounts else None
    outputs = {
        **container_outputs(template),
        "allowedCudaVersions": list(template.allowed_cuda_versions or ()),
        "category": template.category,
        "volumeGb": volume.size if volume else None,
        "volumePath": volume.path if volume else None,
        "public": template.public,
        "serverless": template.serverless,
        "startSsh": template.start_ssh,
        "startJupyter": template.start_jupyter,
        "vendorName": template.name,
    }
    return Found(id=template.id, outputs=outputs, marker=read_marker(template.name))
