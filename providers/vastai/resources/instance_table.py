"""What a Vast instance takes and gives, as the schema shows it."""

from typing import Final

from providers.base.resource import Change, Field, ResourceType
from providers.vastai.client import LABEL_MAX
from providers.vastai.gpus import GPUS
from providers.vastai.resources.fields import MODULE, REGION, usd_field

_INPUTS: Final = (
    Field(
        name="gpu",
        kind="string",
        description="Catalog name of the GPU, such as H100-SXM.",
        required=True,
        choices=tuple(gpu.gpu for gpu in GPUS),
    ),
    Field(name="gpuCount", kind="integer", description="GPUs of the machine.", required=True, minimum=1, maximum=16),
    Field(name="image", kind="string", description="Container image, with its tag or digest.", required=True),
    Field(
        name="diskGb",
        kind="integer",
        description="Container disk, decimal GB; Vast cannot change it later.",
        required=True,
        minimum=8,
        write_only=True,
    ),
    usd_field(
        "maxUsdPerHour",
        "The most that an ask may cost an hour, whole machine with disk; needed unless the machine is interruptible.",
        change=Change.STATE,
    ),
    Field(
        name="interruptible",
        kind="boolean",
        description="Rent by bid: cheaper, and stopped when somebody bids more. Cannot be changed into on demand.",
        write_only=True,
    ),
    usd_field(
        "bidUsdPerHour",
        "Bid for the whole machine, 0.001 to 128 (to change it: to 32); needed for an interruptible machine.",
        change=Change.UPDATE,
    ),
    Field(
        name="trust",
        kind="string",
        description="community: any verified host. secure: verified hosts in data centres.",
        choices=("community", "secure"),
        write_only=True,
    ),
    REGION,
    Field(
        name="label",
        kind="string",
        description="Name in Vast's console; without it our marker stands there.",
        change=Change.UPDATE,
        maximum=LABEL_MAX,
    ),
    Field(
        name="state",
        kind="string",
        description="running, or stopped: the disk is kept and paid for, the GPUs may be lost.",
        change=Change.UPDATE,
        choices=("running", "stopped"),
    ),
    Field(
        name="ports",
        kind="array",
        items="integer",
        description="Ports that are reachable from outside, besides SSH.",
        write_only=True,
    ),
    Field(
        name="env",
        kind="map",
        description="Environment; each value at most 256 bytes.",
        secret=True,
        write_only=True,
    ),
    Field(
        name="onstart",
        kind="string",
        description="Shell text that runs at every start, in place of the image's entry point.",
        write_only=True,
    ),
    Field(
        name="imageLogin",
        kind="string",
        description="Login for a private registry: -u USER -p PASSWORD REGISTRY.",
        secret=True,
        write_only=True,
    ),
    Field(
        name="volumeId",
        kind="string",
        description="Volume to mount; the machine is then the one on which it lies.",
        write_only=True,
    ),
    Field(name="mountPath", kind="string", description="Where the volume is mounted.", write_only=True),
)
_OUTPUTS: Final = (
    Field(name="status", kind="string", description="pending, running, stopped, failed or ending."),
    Field(name="detail", kind="string", description="Vast's last word on it."),
    Field(name="hostMachineId", kind="string", description="The host's machine; volumes lie on machines."),
    Field(name="country", kind="string", description="Where it stands."),
    Field(name="publicIp", kind="string", description="Address for direct connections."),
    Field(name="sshHost", kind="string", description="Vast's SSH proxy."),
    Field(name="sshPort", kind="integer", description="Port at Vast's SSH proxy."),
    Field(name="portMap", kind="map", description="Port in the container → host:port outside."),
    Field(name="chargedUsdPerHour", kind="string", description="What Vast charges an hour, disk included."),
    Field(name="createdAt", kind="string", description="When the contract began, ISO 8601 UTC."),
    Field(name="endsAt", kind="string", description="When the host's offer ends and the machine is stopped."),
    Field(name="jupyterToken", kind="string", description="Token of the machine's Jupyter.", secret=True),
)
INSTANCE: Final = ResourceType(
    module=MODULE,
    name="Instance",
    description="A machine on Vast's market: the cheapest ask that is what was asked for.",
    inputs=_INPUTS,
    outputs=_OUTPUTS,
)
