"""The Ready resource: waits when it is created, and is nothing afterwards."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from typing import Final

from modelyard.errors import ModelyardError, UsageError, quote
from providers.base.accounts import Accounts, is_loopback
from providers.base.machines import MachineVendor
from providers.base.probe import HttpProbe
from providers.base.ready import NotReadyError, Waiting
from providers.base.release import release
from providers.base.resource import Plain, ResourceType
from providers.base.volumes import end_volumes
from providers.plugin.handler import Call, Outputs
from providers.plugin.index_types import READY
from providers.plugin.machine import split
from providers.plugin.machine_volume import OpenVolumes, no_volumes

GATEWAY_VARIABLE: Final = "MODELYARD_GATEWAY_URL"
"""Replaces every machine's address, with ``{machine}`` in it: for simulators on this machine."""


class ReadyHandler:
    """Waits until the model answers."""

    kind: ResourceType = READY

    def __init__(
        self, open_vendor: Callable[[Accounts, str], MachineVendor], open_volumes: OpenVolumes = no_volumes
    ) -> None:
        self._vendor, self._volumes = open_vendor, open_volumes

    def keeps(self, name: str, *, state: Plain, new: Plain) -> bool:
        """Another machine is another wait."""
        del name, state, new
        return False

    def replaces(self, name: str, *, state: Plain, new: Plain) -> bool:
        """Budgets and names of a wait that is over change nothing."""
        del name, state, new
        return False

    def drift(self, state: Plain) -> Mapping[str, bool]:
        """A wait that is over stays over."""
        del state
        return {}

    async def create(self, call: Call, inputs: Plain) -> tuple[str, Outputs]:
        """Wait."""
        vendor_name, machine_id = split(str(inputs["machineId"]))
        vendor = self._vendor(call.accounts, vendor_name)
        key = inputs.get("accessKey")
        waiting = Waiting(
            title=call.name,
            vendor=vendor,
            machine_id=machine_id,
            health_path=str(inputs["healthPath"]),
            model=inputs.get("model"),
            access_key=key if isinstance(key, str) else None,
            budget_seconds=float(inputs["timeoutSeconds"]),
            probe=HttpProbe(),
            clock=call.accounts.time(),
            say=call.say,
            show=call.show,
            stopping=call.accounts.stopping,
            address=_replaced_address(call.accounts, machine_id),
        )
        try:
            reached = await waiting.wait()
        except NotReadyError as error:
            raise await self._after_failure(call, vendor, machine_id, inputs, error) from None
        now = call.accounts.time().now().astimezone(UTC)
        return f"ready-{vendor_name}-{machine_id}", {
            **inputs,
            "endpoint": reached.address,
            "readyAt": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "waitedSeconds": reached.waited_seconds,
            "certificateSha256": reached.certificate_sha256 or "",
        }

    async def _after_failure(
        self, call: Call, vendor: MachineVendor, machine_id: str, inputs: Plain, error: NotReadyError
    ) -> ModelyardError:
        """Let go of the machine if that was asked for, and say what it does to the bill either way."""
        if not inputs.get("deleteOnFailure"):
            error.resolution = (
                f"{error.resolution or ''} The machine is still there and costs money: `pulumi destroy` ends it."
            ).strip()
            return error
        try:
            seen = await vendor.get(machine_id)
            await release(vendor, machine_id, clock=call.accounts.time())
            volumes = self._volumes(call.accounts, vendor.name)
            if volumes is not None and seen is not None and seen.network_volume_id is not None:
                await end_volumes(volumes, seen, clock=call.accounts.time(), journal=call.journal)
        except ModelyardError as failed:
            failed.details = f"{failed.details or ''}\nbefore   {error}".strip()
            return failed
        call.journal.forget(machine_id)
        error.details = f"{error.details or ''}\nThe machine was deleted and is proved gone; it costs nothing more."
        if "--refresh" not in (error.resolution or ""):
            error.resolution = f"{error.resolution or ''} Then `pulumi up --refresh`.".strip()
        return error

    async def read(self, call: Call, object_id: str, state: Plain) -> tuple[Outputs, Outputs] | None:
        """A wait that is over stays over."""
        del call, object_id
        if not state:
            raise UsageError("a Ready cannot be imported: it is a wait, not a thing")
        return {field.name: state[field.name] for field in READY.inputs if state.get(field.name) is not None}, dict(
            state
        )

    async def update(self, call: Call, object_id: str, *, state: Plain, new: Plain, changed: Sequence[str]) -> Outputs:
        """Only our own record changes."""
        del call, object_id, changed
        return {**state, **new}

    async def delete(self, call: Call, object_id: str, state: Plain) -> None:
        """There is nothing to delete."""
        del call, object_id, state


def _replaced_address(accounts: Accounts, machine_id: str) -> str | None:
    template = accounts.environment.get(GATEWAY_VARIABLE)
    if not template:
        return None
    if not is_loopback(template):
        raise UsageError(f"{GATEWAY_VARIABLE} is {quote(template)}; it may only point to this machine")
    return template.replace("{machine}", machine_id)
