"""Network volumes, templates and registry credentials."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from tests.simulators.runpod.bodies import (
    CREATE_REGISTRY,
    CREATE_TEMPLATE,
    CREATE_VOLUME,
    PATCH_TEMPLATE,
    PATCH_VOLUME,
)
from tests.simulators.runpod.catalog import VOLUME_DATA_CENTERS
from tests.simulators.runpod.world import HOURS_A_MONTH, Api, Problem, Thing, World, container

Users = Callable[[str], Iterable[object]]
"""Objects that use an object of this id."""


class VolumeApi(Api):
    """Network volumes."""

    wrapper = "networkVolumes"
    create_rule = staticmethod(CREATE_VOLUME)
    patch_rule = staticmethod(PATCH_VOLUME)

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.things: dict[str, Thing] = {}
        self.users: Users = lambda _: ()

    def create(self, body: dict[str, Any]) -> Thing:
        """Make a volume and bill it from now on."""
        if body["dataCenter"] not in VOLUME_DATA_CENTERS:
            raise Problem(400, f"network volumes are supported in the data centers: {', '.join(VOLUME_DATA_CENTERS)}")
        volume = Thing(**self.base(body))
        volume.asked.setdefault("type", "STANDARD")
        self.things[volume.id] = volume
        rate = usd_per_hour(body["size"])
        self.world.ledger.open(volume.id, kind="volume", name=volume.name, usd_per_hour=rate)
        return volume

    def patch(self, thing: Thing, body: dict[str, Any]) -> None:
        """Rename or grow."""
        if body.get("size", thing.asked["size"]) < thing.asked["size"]:
            raise Problem(400, "a network volume cannot shrink")
        thing.asked = {**thing.asked, **body}
        thing.name = thing.asked["name"]
        self.world.ledger.entries[thing.id].name = thing.name
        self.world.ledger.rate(thing.id, usd_per_hour(thing.asked["size"]))

    def delete(self, thing: Thing) -> None:
        """Refused while a pod mounts it."""
        if self.world.faults.take("volume_in_use") or any(self.users(thing.id)):
            raise Problem(400, "network volume is in use by a pod")
        thing.deleted = True
        self.world.ledger.close(thing.id)

    def show(self, thing: Thing) -> dict[str, Any]:
        """As the API shows it."""
        return {"id": thing.id, **thing.asked, "name": thing.name}

    def require(self, volume_id: str) -> Thing:
        """A volume that a pod wants to mount."""
        volume = self.things.get(volume_id)
        if volume is None or volume.deleted:
            raise Problem(400, "request could not be processed")
        return volume


def usd_per_hour(size_gb: int) -> Decimal:
    """A volume's price: 0.07 a month for each of the first 1000 GB, 0.05 from there on."""
    first = min(size_gb, 1000)
    return (Decimal("0.07") * first + Decimal("0.05") * (size_gb - first)) / HOURS_A_MONTH


class TemplateApi(Api):
    """Templates; names are unique."""

    wrapper = "templates"
    create_rule = staticmethod(CREATE_TEMPLATE)
    patch_rule = staticmethod(PATCH_TEMPLATE)

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.things: dict[str, Thing] = {}
        self.users: Users = lambda _: ()

    def create(self, body: dict[str, Any]) -> Thing:
        """Make a template."""
        if self.named(body["name"]):
            raise Problem(400, "template name must be unique")
        template = Thing(**self.base(body))
        self.things[template.id] = template
        return template

    def patch(self, thing: Thing, body: dict[str, Any]) -> None:
        """Change it; what was made of it stays as it is."""
        name = body.get("name", thing.name)
        if name != thing.name and self.named(name):
            raise Problem(400, "template name must be unique")
        if not body.get("mounts", {"persistent": True}):
            del body["mounts"]
        thing.asked, thing.name = {**thing.asked, **body}, name

    def delete(self, thing: Thing) -> None:
        """Refused while a pod or an endpoint uses it."""
        if any(self.users(thing.id)):
            raise Problem(400, "template is in use")
        thing.deleted = True

    def show(self, thing: Thing) -> dict[str, Any]:
        """As the API shows it."""
        asked = thing.asked
        return {
            **container(asked),
            "id": thing.id,
            "name": thing.name,
            "allowedCudaVersions": asked.get("allowedCudaVersions", []),
            "category": asked.get("category", "NVIDIA"),
            "mounts": asked.get("mounts", {}),
            "public": asked.get("public", False),
            "serverless": asked.get("serverless", False),
            "startSsh": asked.get("startSsh", True),
            "startJupyter": asked.get("startJupyter", True),
        }


class RegistryApi(Api):
    """Registry credentials; names are unique, nothing can be changed, nothing secret is shown."""

    wrapper = "registries"
    create_rule = staticmethod(CREATE_REGISTRY)
    patch_rule = None

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.things: dict[str, Thing] = {}
        self.users: Users = lambda _: ()

    def create(self, body: dict[str, Any]) -> Thing:
        """Store a credential."""
        if self.named(body["name"]):
            raise Problem(400, "registry name must be unique")
        registry = Thing(**self.base(body))
        self.things[registry.id] = registry
        return registry

    def patch(self, thing: Thing, body: dict[str, Any]) -> None:
        """There is no such operation."""
        raise NotImplementedError

    def delete(self, thing: Thing) -> None:
        """Refused while a pod uses it."""
        if any(self.users(thing.id)):
            raise Problem(400, "registry is in use by a pod")
        thing.deleted = True

    def show(self, thing: Thing) -> dict[str, Any]:
        """As the API shows it."""
        return {"id": thing.id, "name": thing.name}

    def require(self, registry_id: str) -> Thing:
        """A credential that a container wants to use."""
        registry = self.things.get(registry_id)
        if registry is None or registry.deleted:
            raise Problem(400, "request could not be processed")
        return registry
