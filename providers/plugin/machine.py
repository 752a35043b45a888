"""The Machine resource: from the engine's calls to the rental loop, and back to outputs."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, cast

from modelyard.errors import UsageError, quote
from modelyard.render.boot import differs_in_lifetime_alone
from modelyard.render.machine import BOOT_KINDS
from providers.base.accounts import Accounts
from providers.base.machines import Candidate, MachineVendor, Sighting, Status
from providers.base.marker import Marker, read_marker
from providers.base.release import look, release
from providers.base.rent import OF_NO_USE, Rented, Renting, RentOrder, satisfies
from providers.base.resource import Plain, ResourceType
from providers.plugin.handler import Call, Outputs
from providers.plugin.index_types import MACHINE
from providers.plugin.machine_volume import GONE, SIZE, VOLUME_ID, OpenVolumes, StateVolume, no_volumes
from providers.plugin.same_key import KeyId, refuse_another_key

OpenVendor = Callable[[Accounts, str], MachineVendor]
_DRIFT_LIMIT: Final = Decimal("0.05")
_UNTOLD: Final[Outputs] = {"boot": "", "env": {}, "diskGb": 10}
"""Required inputs that no vendor tells of an imported machine: what the engine's generated code shows instead."""


class MachineHandler:
    """Rents, reads, moves deadlines and lets go."""

    kind: ResourceType = MACHINE

    def __init__(self, open_vendor: OpenVendor, key_id: KeyId, open_volumes: OpenVolumes = no_volumes) -> None:
        self._vendor, self._key_id, self._volumes = open_vendor, key_id, open_volumes
        self._volume = StateVolume(open_volumes)

    def keeps(self, name: str, *, state: Plain, new: Plain) -> bool:
        """A start-up text that is not this machine's, or that changes with the length of life alone."""
        if name not in {"boot", "otherBoots"} or not state.get("vendor"):
            return False
        had, wanted = (_text(inputs, str(state["vendor"])) for inputs in (state, new))
        if had is None or wanted is None:
            return True  # what it was started with is not known, or no candidate is of its kind any more
        return had == wanted or differs_in_lifetime_alone(had, wanted)

    def replaces(self, name: str, *, state: Plain, new: Plain) -> bool:
        """Other candidates replace the machine only when it satisfies none of them; a volume may grow."""
        if name == SIZE:
            return self._volume.replaces(state, new)
        if name != "candidates" or not state.get("vendor"):
            return False
        seen = _remembered(state)
        return not any(satisfies(str(state["vendor"]), seen, c) for c in candidates(new["candidates"]))

    def drift(self, state: Plain) -> Mapping[str, bool]:
        """One that serves nobody any more takes another machine; one that somebody renamed gets its name back."""
        found: dict[str, bool] = {}
        if state.get("status") in OF_NO_USE:
            found["status"] = True
        if state.get("marker") and state.get("vendorName") not in (None, state["marker"]):
            found["vendorName"] = False
        if state.get(SIZE) is not None and state.get(VOLUME_ID) == GONE:
            found[VOLUME_ID] = True
        return found

    async def create(self, call: Call, inputs: Plain) -> tuple[str, Outputs]:
        """Rent the first candidate that can be had."""
        now = call.accounts.time().now()
        deadline = _deadline(inputs, now)
        if deadline is not None and deadline <= now:
            raise UsageError(
                f"{call.name}: the deadline {_iso(deadline)} has passed; nothing was rented",
                resolution="Move the deadline (life: {until: …}), or destroy the stack.",
            )
        wanted = candidates(inputs["candidates"])
        order = RentOrder(
            marker=Marker.new(
                title=str(inputs.get("name") or call.name),
                owner=str(inputs["owner"]),
                urn=call.urn,
                spec={k: v for k, v in inputs.items() if k not in {"candidates", "labels", "name"}},
                deadline=deadline,
            ),
            candidates=wanted,
            image=str(inputs["image"]),
            boots=_boots(call, inputs, wanted),
            env={k: str(v) for k, v in inputs["env"].items()},
            ports=[int(port) for port in inputs["ports"]],
            disk_gb=int(inputs["diskGb"]),
            network_volume_gb=None if inputs.get(SIZE) is None else int(inputs[SIZE]),
            cache_path=inputs.get("cachePath"),
            labels={k: str(v) for k, v in inputs["labels"].items()},
            drift_limit=Decimal(str(inputs.get("driftLimit", _DRIFT_LIMIT))),
            fail_on_drift=inputs.get("onDrift") == "fail",
        )
        rented = await Renting(
            order=order,
            vendor_named=lambda name: self._vendor(call.accounts, name),
            clock=call.accounts.time(),
            journal=call.journal,
            say=call.say,
            warn=call.warn,
            volumes_named=lambda name: self._volumes(call.accounts, name),
        ).rent()
        facts = self._facts(call, rented.vendor, rented.sighting, rented.marker) | _of_rental(rented)
        facts["createdAt"] = facts["createdAt"] or _iso(now)
        return f"{rented.vendor}/{rented.sighting.id}", {**inputs, **facts}

    async def read(self, call: Call, object_id: str, state: Plain) -> tuple[Outputs, Outputs] | None:
        """What the vendor shows now; None when it shows that there is no such machine."""
        vendor, machine_id = split(object_id)
        clock = call.accounts.time()
        seen = await look(self._vendor(call.accounts, vendor), machine_id, clock=clock, created_at=_created(state))
        if seen is None:
            self._check_key(call, vendor, machine_id, state)
            return await self._bereft(call, vendor, object_id, state)
        marker = seen.marker or read_marker(str(state.get("marker") or ""))
        names = [field.name for field in MACHINE.inputs]
        inputs: Outputs = {name: state[name] for name in names if state.get(name) is not None}
        if not inputs:
            inputs = {**_imported(vendor, seen), **_UNTOLD}
        if seen.image:
            inputs["image"] = seen.image
        facts = self._facts(call, vendor, seen, marker)
        volume = await self._volume.shown(call, vendor, state, seen)
        if volume.get(SIZE) is not None:
            inputs[SIZE] = volume[SIZE]
        facts[VOLUME_ID] = volume.get(VOLUME_ID)
        kept = {field.name: state.get(field.name) for field in MACHINE.outputs}
        # What no vendor tells is not in the outputs, so that the program's own word on it is no change.
        told = {name: value for name, value in inputs.items() if _UNTOLD.get(name) != value}
        return inputs, {**kept, **told, **{k: v for k, v in facts.items() if v is not None}}

    async def update(self, call: Call, object_id: str, *, state: Plain, new: Plain, changed: Sequence[str]) -> Outputs:
        """Move the deadline, rename, and remember the rest."""
        vendor, machine_id = split(object_id)
        marker = read_marker(str(state.get("marker") or ""))
        merged: Outputs = {**state, **new}
        if SIZE in changed:
            await self._volume.grow(call, vendor, state=state, new=new)
        moving = {"name", "deadline", "lifetimeSeconds", "vendorName"} & set(changed)
        if marker is None and moving:
            call.warn(
                f"{call.name}: {object_id} does not carry our marker, so {', '.join(sorted(moving))} means nothing"
            )
        if marker is None or not moving:
            if "labels" in changed:
                call.warn(f"{call.name}: labels are written when a machine is created; {vendor} keeps the old ones")
            return merged
        known = state.get("createdAt")  # not of an imported machine whose vendor does not tell
        created = datetime.fromisoformat(str(known)) if known else call.accounts.time().now()
        # A new text for people does not move the deadline; a name that somebody overwrote has lost it.
        until = marker.deadline if moving == {"name"} else _deadline(new, created)
        moved = marker.until(until).titled(str(new.get("name") or call.name))
        await self._vendor(call.accounts, vendor).rename(machine_id, moved)
        if moved.deadline != marker.deadline:
            await self._volume.move_deadline(call, vendor, state, moved.deadline)
        if "vendorName" in moving:
            call.say(
                f"{call.name}: {object_id} had been renamed to {quote(state.get('vendorName'))}; it is {moved.name}"
            )
        if {"deadline", "lifetimeSeconds"} & moving and moved.deadline != marker.deadline:
            shown = _iso(moved.deadline) if moved.deadline else "never"
            call.say(f"{call.name}: the deadline is {shown} now; the machine's own watchdog reads it from its name")
            if moved.deadline and (marker.deadline is None or moved.deadline < marker.deadline):
                last = f"not before {_iso(marker.deadline)}" if marker.deadline else "never: it was started without one"
                call.warn(
                    f"{call.name}: the watchdog on the machine acts {last}; "
                    "for the new deadline it takes `pulumi destroy` or `modelyard reap`"
                )
            if BOOT_KINDS.get(vendor) == "vm":
                call.warn(
                    f"{call.name}: {vendor} machines cannot read their own name: the service stops as first planned"
                )
        names = {"marker": moved.name, "vendorName": moved.name}
        return {**merged, **names, "deadlineAt": _iso(moved.deadline) if moved.deadline else None}

    async def delete(self, call: Call, object_id: str, state: Plain) -> None:
        """Delete it until read-backs prove that it is gone."""
        vendor, machine_id = split(object_id)
        clock = call.accounts.time()
        seen = await release(self._vendor(call.accounts, vendor), machine_id, clock=clock, created_at=_created(state))
        if not seen:
            self._check_key(call, vendor, machine_id, state)
            call.say(f"{call.name}: {object_id} was gone already")
        call.journal.forget(machine_id)
        if not await self._volume.delete(call, vendor, state):
            self._check_key(call, vendor, machine_id, state)

    async def _bereft(self, call: Call, vendor: str, object_id: str, state: Plain) -> tuple[Outputs, Outputs] | None:
        """A machine that is gone: None, unless its volume is still there, which must not be forgotten."""
        volume = await self._volume.read(call, vendor, state)
        if volume is None:
            return None
        inputs: Outputs = {
            field.name: state[field.name] for field in MACHINE.inputs if state.get(field.name) is not None
        }
        call.warn(f"{call.name}: {object_id} is gone; its network volume {volume.id} is still there and costs money")
        detail = f"the machine is gone; its network volume {volume.id} is still there"
        return inputs, {**state, "status": Status.FAILED.value, "statusDetail": detail, "address": ""}

    def _check_key(self, call: Call, vendor: str, machine_id: str, state: Plain) -> None:
        refuse_another_key(
            state, self._key_id(call.accounts, vendor), name=call.name, vendor=vendor, what=f"machine {machine_id}"
        )

    def _facts(self, call: Call, vendor: str, seen: Sighting, marker: Marker | None) -> Outputs:
        client = self._vendor(call.accounts, vendor)
        return {
            "machineId": f"{vendor}/{seen.id}",
            "vendor": vendor,
            "address": seen.address or "",
            "portMappings": {str(port): place for port, place in seen.ports.items()},
            "status": seen.status.value,
            "statusDetail": seen.detail,
            "gpu": seen.gpu,
            "gpuCountActual": seen.gpu_count,
            "region": seen.region,
            "spot": seen.spot,
            "chargedUsdPerHour": None if seen.usd_per_hour is None else str(seen.usd_per_hour),
            "createdAt": _iso(seen.created_at) if seen.created_at else None,
            "marker": marker.name if marker else None,
            "vendorName": seen.name or None,
            "deadlineAt": _iso(marker.deadline) if marker and marker.deadline else None,
            "consoleUrl": client.console_url(seen.id),
            "keyId": self._key_id(call.accounts, vendor),
        }


def split(object_id: str) -> tuple[str, str]:
    """Vendor and the vendor's own id.

    Raises:
        UsageError: not of the form ``vendor/id``.
    """
    vendor, separator, machine_id = object_id.partition("/")
    if not separator or vendor not in BOOT_KINDS or not machine_id:
        raise UsageError(
            f"{quote(object_id)} is not a machine's id",
            details=f"allowed  VENDOR/ID, VENDOR of {', '.join(BOOT_KINDS)}",
        )
    return vendor, machine_id


def candidates(given: object) -> list[Candidate]:
    """Candidates from plain data."""
    rows = cast("Sequence[Mapping[str, Any]]", given)
    return [
        Candidate(
            vendor=str(row["vendor"]),
            sku=str(row["sku"]),
            gpu=str(row["gpu"]),
            gpu_count=int(row["gpuCount"]),
            tensor_parallel_size=int(row["tensorParallelSize"]),
            region=str(row["region"]),
            trust=str(row["trust"]),
            spot=bool(row["spot"]),
            usd_per_hour=Decimal(str(row["usdPerHour"])),
        )
        for row in rows
    ]


def _boots(call: Call, inputs: Plain, wanted: Sequence[Candidate]) -> dict[str, str]:
    """Vendor → start-up text. ``boot`` is for the first candidate's kind of machine."""
    first = BOOT_KINDS[wanted[0].vendor]
    others: Mapping[str, str] = inputs.get("otherBoots") or {}
    texts = {first.value: str(inputs["boot"]), **others}
    kinds = {candidate.vendor: BOOT_KINDS[candidate.vendor].value for candidate in wanted}
    missing = sorted(vendor for vendor, kind in kinds.items() if kind not in texts)
    if missing:
        raise UsageError(
            f"{call.name}: no start-up text for machines of {', '.join(missing)}",
            resolution="Give otherBoots for their kind (container or vm).",
        )
    return {vendor: texts[kind] for vendor, kind in kinds.items()}


def _text(inputs: Plain, vendor: str) -> str | None:
    """Start-up text for the vendor's kind of machine; None: there is none, or it is not known yet."""
    rows, others = inputs.get("candidates"), inputs.get("otherBoots")
    if not isinstance(rows, Sequence) or not rows:
        return None
    first = cast("Sequence[Mapping[str, Any]]", rows)[0]
    texts: dict[str, Any] = dict(cast("Mapping[str, Any]", others)) if isinstance(others, Mapping) else {}
    texts[BOOT_KINDS[str(first["vendor"])].value] = inputs.get("boot")
    text = texts.get(BOOT_KINDS[vendor].value)
    return text if isinstance(text, str) else None


def _deadline(inputs: Plain, start: datetime) -> datetime | None:
    given, lifetime = inputs.get("deadline"), inputs.get("lifetimeSeconds")
    if isinstance(given, str) and given:
        return datetime.fromisoformat(given).astimezone(UTC)
    return start + timedelta(seconds=int(lifetime)) if lifetime is not None else None


def _created(state: Plain) -> datetime | None:
    text = state.get("createdAt")
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None


def _of_rental(rented: Rented) -> Outputs:
    return {
        "chosen": rented.candidate.label,
        "quotedUsdPerHour": str(rented.candidate.usd_per_hour),
        "attempts": list(rented.attempts),
        VOLUME_ID: rented.network_volume_id,
        "gpu": rented.sighting.gpu or rented.candidate.gpu,
        "gpuCountActual": rented.candidate.gpu_count
        if rented.sighting.gpu_count is None
        else rented.sighting.gpu_count,
    }


def _remembered(state: Plain) -> Sighting:
    """The machine as the state knows it."""
    count = state.get("gpuCountActual")
    return Sighting(
        machine_id=str(state.get("machineId")),
        name="",
        marker=None,
        status=Status(str(state.get("status") or "pending")),
        detail="",
        gpu=state.get("gpu"),
        gpu_count=int(count) if isinstance(count, int | float) else None,
        region=state.get("region"),
        address=None,
        ports={},
        usd_per_hour=None,
        created_at=None,
        spot=bool(state.get("spot")),
    )


def _imported(vendor: str, seen: Sighting) -> Outputs:
    """Inputs of a machine that no state knows."""
    return {
        "candidates": [
            {
                "vendor": vendor,
                "sku": "",
                "gpu": seen.gpu or "",
                "gpuCount": seen.gpu_count or 1,
                "tensorParallelSize": seen.gpu_count or 1,
                "region": seen.region or "any",
                "trust": "secure",
                "spot": seen.spot,
                "usdPerHour": str(seen.usd_per_hour) if seen.usd_per_hour is not None else "",
                "granularitySeconds": 1,
                "minimumSeconds": 0,
                "asOf": "",
                "source": "import",
            }
        ],
        "ports": sorted(seen.ports),
        "owner": "",
        "labels": {},
    }


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
