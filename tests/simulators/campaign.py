"""Thousands of rental lifecycles with faults and kills, and a ledger that says whether anything was lost.

A lifecycle is what a person does with one Machine: up, changes, refresh, things that happen behind the back, destroy.
The plugin's own provider object serves it, on simulators and in virtual time; it can be killed before and after any
call to a vendor, and so can the engine after the provider has answered. At the end a refresh and a reap must leave no
machine alive, and at no time may two machines have served one resource. A lifecycle depends on its seed alone.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import (
    CreateRequest,
    DeleteRequest,
    DiffRequest,
    ReadRequest,
    UpdateRequest,
)

from modelyard.errors import ModelyardError
from providers import registry
from providers.base.accounts import Accounts
from providers.base.errors import Stopped
from providers.base.journal import DiskJournal
from providers.base.marker import read_marker
from providers.base.reap import Asked, sweep
from providers.plugin.rental_provider import RentalProvider
from providers.plugin.values import plain_map, property_value
from tests.simulators.core import Entry, SimClock, SimRequest, Simulator
from tests.simulators.scenarios import FAULTS, KEYS, SKUS, make_simulators
from tests.simulators.transport import SimTransport
from tests.simulators.virtual_time import VirtualClock, run_virtual

URN: Final = "urn:pulumi:trial::modelyard::modelyard-rental:{token}::node"
SECRET: Final = "secret-bearer-key-0123456789abcdef"  # looked for in every message
ACTIONS: Final = ("up", "refresh", "extend", "rename", "other-image", "other-candidates", "remove", "preempt", "wait")
_TRIES: Final = 4


class Killed(BaseException):
    """The process is gone."""


@dataclass(slots=True)
class Kill:
    """Ends the process at a call."""

    at_call: int
    after: bool


@dataclass(slots=True)
class Outcome:
    """What one lifecycle came to."""

    index: int
    calls: int = 0
    faults: int = 0
    happened: dict[str, int] = field(default_factory=dict[str, int])
    kills: int = 0
    machines: int = 0
    volumes: int = 0
    lost: list[str] = field(default_factory=list[str])
    duplicated: list[str] = field(default_factory=list[str])
    violations: list[str] = field(default_factory=list[str])
    log: list[str] = field(default_factory=list[str])


class Lifecycle:
    """One person, one Machine, one set of vendors."""

    token = "index:Machine"
    kinds: Sequence[str] = ("machine", "volume")
    """What the ledger calls it."""
    actions: Sequence[str] = ACTIONS

    def __init__(self, seed: int, index: int, folder: Path) -> None:
        self.outcome = Outcome(index)
        self.urn = URN.format(token=self.token)
        self._random = random.Random(f"{seed}:{index}")  # noqa: S311  # replayed by its seed
        self._clock = SimClock()
        self._folder = folder
        self._simulators: Mapping[str, Simulator] = make_simulators(self._clock, seed=self._random.randrange(1 << 30))
        self._state: tuple[str, dict[str, PropertyValue]] | None = None
        self._kill: Kill | None = None
        self._dead = False
        self._with_volume = index % 6 == 0
        """Whether a network volume goes with the machine."""
        self._inputs = self._first_inputs()
        self._order_faults()

    def run(self) -> Outcome:
        """Live through it."""
        chosen = self._random.choices(self.actions, k=self._random.randrange(4))
        ends = ["destroy"] if self._random.random() < 0.85 else []
        for action in ["up", *chosen, *ends]:
            self._try(action)
        self._finish()
        self._judge()
        return self.outcome

    # --- what people do -----------------------------------------------------------------------------------------------

    def _try(self, action: str) -> None:
        """An action, again after a failure, each time in a new process."""
        for attempt in range(_TRIES):
            self._kill = self._next_kill() if attempt < _TRIES - 1 else None
            done = self._process(action)
            if done:
                return
            self._clock.advance(self._random.choice([0.0, 1.0, 20.0, 90.0]))

    def _process(self, action: str) -> bool:
        """One life of the plugin."""
        self._dead = False
        calls = self.outcome.calls
        try:
            run_virtual(self._clock, self._act(action))
        except Killed:
            self.outcome.kills += 1
            self._note(f"{action}: killed")
            return False
        except (ModelyardError, Stopped) as error:
            self._note(f"{action}: {error}")
            self._check_text(str(error))
            return False
        self._note(f"{action}: done in {self.outcome.calls - calls} calls")
        return True

    async def _act(self, action: str) -> None:
        provider = self._provider()
        acts: dict[str, Callable[[RentalProvider], Coroutine[Any, Any, None]]] = {
            "up": self._up,
            "refresh": self._refresh,
            "destroy": self._destroy,
        }
        if action in acts:
            await acts[action](provider)
        elif action == "wait":
            self._clock.advance(self._random.choice([5.0, 60.0, 600.0]))
        elif action in {"remove", "preempt"}:
            self._behind_the_back(action)
        else:
            self._change(action)
            await self._up(provider)

    async def _up(self, provider: RentalProvider) -> None:
        inputs = {name: property_value(value, is_secret=name == "env") for name, value in self._inputs.items()}
        if self._state is None:
            await self._create(provider, inputs)
            return
        object_id, state = self._state
        diff = await provider.diff(DiffRequest(self.urn, object_id, state, inputs, []))
        if diff.replaces:
            await self._destroy(provider)
            await self._create(provider, inputs)
        elif diff.changes:
            updated = await provider.update(UpdateRequest(self.urn, object_id, state, inputs, 0, [], preview=False))
            self._state = (object_id, updated.properties)

    async def _create(self, provider: RentalProvider, inputs: dict[str, PropertyValue]) -> None:
        made = await provider.create(CreateRequest(self.urn, inputs, 0, preview=False))
        self._maybe_lose_the_engine()
        self._state = (made.resource_id or "", made.properties)

    async def _destroy(self, provider: RentalProvider) -> None:
        if self._state is None:
            return
        object_id, state = self._state
        await provider.delete(DeleteRequest(self.urn, object_id, state, 0))
        for entry in (self._entry(object_id), self._volume_entry(object_id, state)):
            if entry is not None and entry.ended is None:
                self._violation(f"{entry.kind} {entry.id} of {object_id} was reported deleted and is alive")
        self._maybe_lose_the_engine()
        self._state = None

    async def _refresh(self, provider: RentalProvider) -> None:
        if self._state is None:
            return
        object_id, state = self._state
        inputs = {name: state[name] for name in self._inputs if name in state}
        found = await provider.read(ReadRequest(self.urn, object_id, state, inputs))
        if found.resource_id:
            self._state = (object_id, found.properties)
            return
        entry = self._entry(object_id)
        if entry is not None and entry.ended is None:
            self._violation(f"{object_id} was read as gone and is alive")
        self._state = None

    def _behind_the_back(self, action: str) -> None:
        if self._state is None:
            return
        vendor, _, machine_id = self._state[0].partition("/")
        entry = self._entry(self._state[0])
        if entry is None or entry.ended is not None:
            return
        simulator = self._simulators[vendor]
        if action == "remove":
            simulator.remove_behind_back(machine_id)
        elif plain_map(self._state[1]).get("spot"):
            simulator.preempt(machine_id)

    def _change(self, action: str) -> None:
        if action == "extend":
            self._inputs["lifetimeSeconds"] += 600
        elif action == "rename":
            self._inputs["name"] = f"renamed-{self._random.randrange(100)}"
        elif action == "other-image" and self._with_volume and self._random.random() < 0.5:
            self._inputs["networkVolumeGb"] += self._random.choice([50, 50, -30])
        elif action == "other-image":
            self._inputs["image"] = f"docker.io/vllm/vllm-openai:v0.33.{self._random.randrange(1, 9)}"
        else:
            self._inputs["candidates"] = self._candidates()

    # --- how it ends ---------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        """A refresh and a reap after the last deadline, with nothing in the way any more."""
        for simulator in self._simulators.values():
            for name, times in simulator.faults.happened.items():
                self.outcome.happened[name] = self.outcome.happened.get(name, 0) + times
                self.outcome.faults += times
            simulator.faults.clear()
        self._kill = None
        self._clock.advance(8 * 3600)
        for attempt in ("refresh", "reap", "reap again"):
            self._dead = False
            try:
                run_virtual(self._clock, self._reap() if "reap" in attempt else self._act("refresh"))
            except ModelyardError as error:
                self._violation(f"{attempt}: {error}")

    async def _reap(self) -> None:
        """Twice at once, as two people would."""
        accounts = [self._accounts(), self._accounts()]
        sweeps = await asyncio.gather(
            *(
                sweep(
                    [registry.find(v).machines(a) for v in self._simulators],
                    Asked(),
                    clock=a.time(),
                    volumes={
                        v: volumes for v in self._simulators if (volumes := registry.find(v).volumes(a)) is not None
                    },
                )
                for a in accounts
            )
        )
        for found in sweeps:
            if not found.is_proved:
                self._violation(f"reap could not prove: {found}")

    def _judge(self) -> None:
        ours: list[tuple[str, Entry]] = []
        for vendor, simulator in self._simulators.items():
            for entry in simulator.ledger.entries.values():
                if entry.kind in self.kinds and self._is_ours(entry):
                    ours.append((vendor, entry))
                    if entry.ended is None:
                        self.outcome.lost.append(f"{vendor}/{entry.id}")
            touched: set[str] = getattr(simulator, "strangers_touched", set())
            if touched:
                self._violation(f"{vendor}: strangers were touched: {sorted(touched)}")
            creates: dict[str, int] = getattr(simulator, "creates", {})
            self.outcome.duplicated += [f"{vendor}: {name} ×{n}" for name, n in creates.items() if n > 1]
        self.outcome.volumes = sum(entry.kind == "volume" for _, entry in ours)
        self.outcome.machines = len(ours) - self.outcome.volumes
        ours.sort(key=lambda item: item[1].created)
        for place, (vendor, entry) in enumerate(ours):
            for other_vendor, other in ours[place + 1 :]:
                if entry.kind != other.kind:
                    continue
                if entry.ended is None or other.created < entry.ended:
                    self.outcome.duplicated.append(f"{vendor}/{entry.id} and {other_vendor}/{other.id} at once")

    # --- the process and its surroundings -------------------------------------------------------------------------

    def _provider(self) -> RentalProvider:
        return RentalProvider(accounts=self._accounts(), journal=DiskJournal(self._folder))

    def _accounts(self) -> Accounts:
        hosts = {f"{vendor}.test": simulator for vendor, simulator in self._simulators.items()}
        settings = {f"{vendor}Url": f"https://{vendor}.test{s.base_path}" for vendor, s in self._simulators.items()}
        settings |= {f"{vendor}ApiKey": KEYS[vendor] for vendor in self._simulators}
        return Accounts(
            settings=settings,
            environment={},
            home=self._folder,
            clock=VirtualClock(self._clock),
            transport=SimTransport(hosts, before=self._before, after=self._after),
        )

    def _before(self, simulator: Simulator, request: SimRequest) -> None:
        del simulator, request
        self._die_if(after=False)
        self.outcome.calls += 1

    def _after(self, simulator: Simulator, request: SimRequest) -> None:
        del simulator, request
        self._die_if(after=True)

    def _die_if(self, *, after: bool) -> None:
        if self._dead:
            raise Killed
        if self._kill is None or self._kill.after is not after:
            return
        self._kill.at_call -= 1
        if self._kill.at_call <= 0:
            self._kill, self._dead = None, True
            raise Killed

    def _maybe_lose_the_engine(self) -> None:
        """The provider has answered; the engine dies before it has written that down."""
        if self._kill is not None and self._kill.at_call > 8:
            self._kill = None
            raise Killed

    def _next_kill(self) -> Kill | None:
        if self._random.random() > 0.3:
            return None
        return Kill(at_call=self._random.randrange(1, 13), after=self._random.random() < 0.5)

    def _order_faults(self) -> None:
        for vendor, simulator in self._simulators.items():
            for _ in range(self._random.choice([0, 0, 1, 1, 2, 3])):
                name, params = self._random.choice(FAULTS[vendor])
                simulator.faults.arm(name, times=self._random.choice([1, 1, 2]), **params)

    def _first_inputs(self) -> dict[str, Any]:
        return {
            "candidates": self._candidates(),
            "image": "docker.io/vllm/vllm-openai:v0.33.0",
            "boot": "#!/bin/bash\necho start",
            "otherBoots": {"vm": "#cloud-config\nruncmd: []\n", "container": "#!/bin/bash\necho start"},
            "env": {"VLLM_API_KEY": SECRET},
            "ports": [8080],
            "diskGb": 100,
            "lifetimeSeconds": self._random.choice([900, 3600]),
            "owner": "organization/modelyard/trial",
            "labels": {"team": "research"},
            **({"networkVolumeGb": 100, "cachePath": "/data/models"} if self._with_volume else {}),
        }

    def _candidates(self) -> list[dict[str, Any]]:
        vendors = self._random.sample(sorted(self._simulators), k=self._random.randrange(1, 4))
        if self._with_volume and not {"runpod", "lambda"} & set(vendors):
            vendors.append(self._random.choice(["lambda", "runpod"]))
        return [dict(self._random.choice(SKUS[vendor])) for vendor in vendors]

    def _is_ours(self, entry: Entry) -> bool:
        return read_marker(entry.name) is not None

    def _entry(self, object_id: str) -> Entry | None:
        vendor, _, machine_id = object_id.partition("/")
        return self._simulators[vendor].ledger.entries.get(machine_id)

    def _volume_entry(self, object_id: str, state: Mapping[str, PropertyValue]) -> Entry | None:
        """The machine's network volume in the ledger."""
        volume_id = plain_map(state).get("networkVolumeId")
        return self._entry(f"{object_id.partition('/')[0]}/{volume_id}") if isinstance(volume_id, str) else None

    def _check_text(self, text: str) -> None:
        if SECRET in text or any(key in text for key in KEYS.values()):
            self._violation("a secret stands in an error")

    def _violation(self, text: str) -> None:
        self.outcome.violations.append(text)
        self._note(f"VIOLATION {text}")

    def _note(self, text: str) -> None:
        self.outcome.log.append(f"t={self._clock.now - 1_800_000_000:.0f} {text}")
