"""The resources that span vendors: Machine, Ready and AccessKey, described once."""

from typing import Final

from providers import registry
from providers.base.resource import Change, Field, ResourceType

CANDIDATE_FIELDS: Final = (
    Field(name="vendor", kind="string", description=f"One of {', '.join(registry.VENDORS)}.", required=True),
    Field(name="sku", kind="string", description="The vendor's name of the machine.", required=True),
    Field(name="gpu", kind="string", description="Catalog name of the GPU.", required=True),
    Field(name="gpuCount", kind="integer", description="GPUs of the machine.", required=True, minimum=1, maximum=64),
    Field(
        name="tensorParallelSize",
        kind="integer",
        description="GPUs over which the model is split on this machine.",
        required=True,
        minimum=1,
        maximum=64,
    ),
    Field(name="region", kind="string", description="The vendor's region, or any.", required=True),
    Field(name="trust", kind="string", description="cloud, secure or community.", required=True),
    Field(name="spot", kind="boolean", description="Whether the vendor may take it back.", required=True),
    Field(
        name="usdPerHour",
        kind="string",
        description="Quoted price of the whole machine, US dollars an hour, a decimal number.",
        required=True,
    ),
    Field(name="granularitySeconds", kind="integer", description="Billed in steps of so many seconds.", required=True),
    Field(name="minimumSeconds", kind="integer", description="Billed for at least so many seconds.", required=True),
    Field(name="asOf", kind="string", description="Date of the price, ISO 8601.", required=True),
    Field(name="source", kind="string", description="Where the price is from.", required=True),
)

MACHINE: Final = ResourceType(
    module="index",
    name="Machine",
    description=(
        "A rented GPU machine: the first of its candidates that can be had. Only a capacity error moves on to the "
        "next. Other candidates do not replace a machine that still satisfies one of them."
    ),
    delete_before_replace=True,
    inputs=(
        Field(
            name="candidates",
            kind="array",
            items="object",
            fields=CANDIDATE_FIELDS,
            description="Offers in the order in which they are tried.",
            required=True,
            change=Change.STATE,
        ),
        Field(name="image", kind="string", description="Container image, pinned by tag or digest.", required=True),
        Field(
            name="boot",
            kind="string",
            description="What the machine runs first: arms the watchdog, then starts the engine.",
            required=True,
            write_only=True,
        ),
        Field(
            name="otherBoots",
            kind="map",
            description="What the other kinds of machine among the candidates run first, by kind (container, vm).",
            write_only=True,
        ),
        Field(
            name="env",
            kind="map",
            description="Environment of the machine.",
            required=True,
            secret=True,
            write_only=True,
        ),
        Field(
            name="ports",
            kind="array",
            items="integer",
            description="Ports that are reachable from outside; the first is the gateway's.",
            required=True,
            minimum=1,
            maximum=65535,
        ),
        Field(
            name="diskGb",
            kind="integer",
            description="Disk of the machine, decimal GB.",
            required=True,
            minimum=10,
            maximum=100_000,
            write_only=True,
        ),
        Field(
            name="networkVolumeGb",
            kind="integer",
            description=(
                "Decimal GB of a network volume that is made for the machine, in its data centre or region, and "
                "deleted after it. It grows in place; less of it, or none, is a new machine. Candidates of a vendor "
                "without such volumes are left out. Lambda's have no size: there it only informs."
            ),
            change=Change.UPDATE,
            minimum=10,
            maximum=100_000,
            write_only=True,
        ),
        Field(
            name="cachePath",
            kind="string",
            description="Folder at which the network volume is mounted. Default: the vendor's own place.",
            pattern=r"^(/[A-Za-z0-9_][A-Za-z0-9._-]*)+$",
            write_only=True,
        ),
        Field(
            name="lifetimeSeconds",
            kind="integer",
            description="Seconds from the create call to the deadline. A change moves the deadline in place.",
            change=Change.UPDATE,
            minimum=60,
            maximum=366 * 86400,
        ),
        Field(
            name="deadline",
            kind="string",
            description="Absolute UTC deadline, ISO 8601; wins over lifetimeSeconds.",
            change=Change.UPDATE,
        ),
        Field(
            name="name",
            kind="string",
            description="Text for people in the machine's name at the vendor; the rest of the name is the marker.",
            change=Change.UPDATE,
            maximum=60,
        ),
        Field(
            name="owner",
            kind="string",
            description="Organization, project and stack that answer for it; part of the marker.",
            required=True,
            change=Change.STATE,
        ),
        Field(
            name="labels",
            kind="map",
            description="Labels. Written to the vendor at creation where it has tags; later changes stay in the state.",
            required=True,
            change=Change.STATE,
        ),
        Field(
            name="driftLimit",
            kind="number",
            description="How far above the quote the charged rate may be, as a share; 0.05 when not given.",
            change=Change.STATE,
            minimum=0,
            maximum=10,
        ),
        Field(
            name="onDrift",
            kind="string",
            description="warn, or fail: delete the machine again and end in an error.",
            change=Change.STATE,
            choices=("warn", "fail"),
        ),
    ),
    outputs=(
        Field(name="machineId", kind="string", description="Vendor and the vendor's id, such as runpod/7h9k2m4n6p."),
        Field(name="vendor", kind="string", description="Who it was rented from."),
        Field(name="chosen", kind="string", description="The candidate that was rented."),
        Field(name="address", kind="string", description="Base URL of its gateway; empty until the vendor tells."),
        Field(name="portMappings", kind="map", description="Port of the machine → host:port outside."),
        Field(name="status", kind="string", description="pending, running, stopped, failed or ending."),
        Field(name="statusDetail", kind="string", description="The vendor's last word on it."),
        Field(name="gpu", kind="string", description="Catalog name of the GPU that it has."),
        Field(name="gpuCountActual", kind="integer", description="GPUs that it really has."),
        Field(name="region", kind="string", description="Where it is."),
        Field(name="spot", kind="boolean", description="Whether the vendor may take it back."),
        Field(name="quotedUsdPerHour", kind="string", description="What the plan counted on, US dollars an hour."),
        Field(name="chargedUsdPerHour", kind="string", description="What the vendor charges, US dollars an hour."),
        Field(name="deadlineAt", kind="string", description="The deadline in force, ISO 8601 UTC; empty: it has none."),
        Field(name="createdAt", kind="string", description="When it was created, ISO 8601 UTC."),
        Field(name="attempts", kind="array", description="Candidates that were tried before it, and why they failed."),
        Field(name="marker", kind="string", description="Its name at the vendor, by which `modelyard reap` finds it."),
        Field(
            name="vendorName",
            kind="string",
            description="Its name as the vendor shows it; the next update puts the marker back where it differs.",
        ),
        Field(
            name="networkVolumeId",
            kind="string",
            description="The vendor's id of the network volume that was made for it; empty: it is gone.",
        ),
        Field(name="consoleUrl", kind="string", description="Where a person looks at it."),
        Field(name="keyId", kind="string", description="Digest of the API key that rented it."),
    ),
)

READY: Final = ResourceType(
    module="index",
    name="Ready",
    description="Waits until the model behind a machine has answered one token; its time is the start-up budget.",
    billed=False,
    inputs=(
        Field(name="machineId", kind="string", description="The machine to wait for.", required=True),
        Field(
            name="port",
            kind="integer",
            description="Port of the gateway.",
            required=True,
            minimum=1,
            maximum=65535,
            change=Change.STATE,
        ),
        Field(
            name="healthPath",
            kind="string",
            description="Path that answers 200 when the engine is up.",
            required=True,
            change=Change.STATE,
        ),
        Field(
            name="timeoutSeconds",
            kind="integer",
            description="The plan's start-up budget.",
            required=True,
            minimum=60,
            maximum=86400,
            change=Change.STATE,
        ),
        Field(
            name="phases",
            kind="array",
            items="object",
            description="The budget by phase: name, seconds and why.",
            required=True,
            change=Change.STATE,
        ),
        Field(
            name="model",
            kind="string",
            description="Name under which the engine serves the model; not given: the first of its list.",
            change=Change.STATE,
        ),
        Field(
            name="accessKey",
            kind="string",
            description="Bearer token of the gateway.",
            secret=True,
            change=Change.STATE,
        ),
        Field(
            name="deleteOnFailure",
            kind="boolean",
            description="Whether a machine that does not get ready in time is deleted, so that it does not bill on.",
            change=Change.STATE,
        ),
    ),
    outputs=(
        Field(name="endpoint", kind="string", description="Base URL of the OpenAI API, without /v1."),
        Field(name="readyAt", kind="string", description="When it answered, ISO 8601 UTC."),
        Field(name="waitedSeconds", kind="integer", description="How long it took from the begin of the wait."),
        Field(
            name="certificateSha256",
            kind="string",
            description="Fingerprint of the gateway's own certificate, where the vendor does not end TLS; pin it.",
        ),
    ),
)

ACCESS_KEY: Final = ResourceType(
    module="index",
    name="AccessKey",
    description="A random bearer token, kept as a secret in the stack's state.",
    billed=False,
    inputs=(
        Field(
            name="length",
            kind="integer",
            description="Bytes of randomness, 16 to 128.",
            required=True,
            minimum=16,
            maximum=128,
        ),
    ),
    outputs=(Field(name="value", kind="string", description="The token.", secret=True),),
)
