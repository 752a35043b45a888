"""The provider process: the engine's calls, sent to the handler of the type that they are about."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

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
    ReadRequest,
    ReadResponse,
    UpdateRequest,
    UpdateResponse,
)

from modelyard.resources import UNKNOWN
from providers.base.accounts import Accounts
from providers.base.journal import DiskJournal, Journal
from providers.base.resource import Change, ResourceType
from providers.plugin.engine_log import EngineLog
from providers.plugin.handler import Call, Handler, Outputs, secret_texts
from providers.plugin.handlers import load_handlers
from providers.plugin.hidden import Hidden
from providers.plugin.inputs import problems
from providers.plugin.rental_schema import CONFIG, schema
from providers.plugin.values import plain_map, property_value

UNTOLD: Final = "importedWithout"
"""In the state of an imported resource: inputs that the vendor did not tell. They are not compared, and neither is what
the vendor tells and the program leaves open; else an import would be followed by a replacement."""


class RentalProvider(Provider):
    """All rental resources of all vendors, in one process that shares rate limits and connections."""

    def __init__(
        self,
        *,
        engine_address: str | None = None,
        accounts: Accounts | None = None,
        journal: Journal | None = None,
    ) -> None:
        self._handlers = load_handlers()
        self._log = EngineLog(engine_address)
        self._hidden = Hidden()
        self._accounts = accounts or Accounts()
        self._journal = journal

    async def get_schema(self, request: GetSchemaRequest) -> GetSchemaResponse:
        """The package schema."""
        del request
        return GetSchemaResponse(schema([handler.kind for handler in self._handlers.values()]))

    async def check_config(self, request: CheckRequest) -> CheckResponse:
        """Refuse settings that are not known; none is required."""
        known = {field.name for field in CONFIG} | {"version", "pluginDownloadURL"}
        return CheckResponse(
            inputs=request.new_inputs,
            failures=[
                CheckFailure(name, f"is not known; allowed: {', '.join(sorted(known))}")
                for name in request.new_inputs
                if name not in known and not name.startswith("__")
            ],
        )

    async def configure(self, request: ConfigureRequest) -> ConfigureResponse:
        """Take keys and addresses. Nothing is asked of a vendor, so a preview needs none of them."""
        self._hidden.learn(request.args)
        settings = {k: str(v) for k, v in plain_map(request.args).items() if isinstance(v, str) and v}
        self._accounts.settings = {**self._accounts.settings, **settings}
        if self._journal is None:
            folder = settings.get("journalFolder")
            self._journal = self._disk_journal(folder)
        return ConfigureResponse(
            # The SDK cannot send unknown outputs, so the engine fills them in previews; it keeps secrets secret.
            accept_secrets=True,
            supports_preview=False,
            accept_resources=False,
            accept_outputs=False,
        )

    async def check(self, request: CheckRequest) -> CheckResponse:
        """Refuse bad inputs by property, before anything is planned."""
        handler = self._handlers.get(_token(request.type))
        if handler is None:
            return CheckResponse(failures=[CheckFailure("", f"'{_token(request.type)}' is not a rental resource")])
        self._learn(handler, request.new_inputs)
        found = problems(handler.kind, plain_map(request.new_inputs))
        return CheckResponse(inputs=request.new_inputs, failures=[CheckFailure(name, reason) for name, reason in found])

    async def diff(self, request: DiffRequest) -> DiffResponse:
        """What changed, and whether it takes a new object: as the table of the type says."""
        handler = self._handlers[_token(request.type)]
        self._is_in_a_state(request.resource_id)
        state, new = plain_map(request.old_state), plain_map(request.new_inputs)
        changed = _changed(handler.kind, state, new, set(request.ignore_changes))
        drifted = handler.drift(state)
        replacing = [name for name in changed if _replaces(handler, name, state, new)]
        replacing += [name for name, is_lost in drifted.items() if is_lost]
        return DiffResponse(
            changes=bool(changed or drifted),
            replaces=replacing,
            diffs=[*changed, *drifted],
            delete_before_replace=handler.kind.delete_before_replace,
            detailed_diff={
                name: PropertyDiff(
                    PropertyDiffKind.UPDATE_REPLACE if name in replacing else PropertyDiffKind.UPDATE,
                    input_diff=name in changed,
                )
                for name in [*changed, *drifted]
            },
        )

    async def create(self, request: CreateRequest) -> CreateResponse:
        """Create it. The id is known to the engine as soon as it is known to us."""
        handler = self._handlers[_token(request.type)]
        async with self._call(handler, request.urn, request.properties, timeout_seconds=request.timeout) as call:
            object_id, outputs = await handler.create(call, plain_map(request.properties))
        return CreateResponse(object_id, self._properties(handler, outputs, request.properties))

    async def read(self, request: ReadRequest) -> ReadResponse:
        """What it is now; an empty answer when it is gone."""
        handler = self._handlers[_token(request.type)]
        self._is_in_a_state(request.resource_id)
        state = {**plain_map(request.inputs), **plain_map(request.properties)}
        async with self._call(handler, request.urn, request.inputs, request.properties) as call:
            found = await handler.read(call, request.resource_id, state)
        if found is None:
            return ReadResponse(resource_id="")
        inputs, outputs = found
        untold = state.get(UNTOLD)
        if not state:  # an import
            untold = [
                field.name for field in handler.kind.inputs if field.write_only and outputs.get(field.name) is None
            ]
        outputs = {**outputs, UNTOLD: untold}
        return ReadResponse(
            resource_id=request.resource_id,
            properties=self._properties(handler, outputs, request.properties),
            inputs=self._properties(handler, inputs, request.inputs),
        )

    async def update(self, request: UpdateRequest) -> UpdateResponse:
        """Bring changed inputs in place."""
        handler = self._handlers[_token(request.type)]
        state, new = plain_map(request.olds), plain_map(request.news)
        changed = [*_changed(handler.kind, state, new, set(request.ignore_changes)), *handler.drift(state)]
        async with self._call(
            handler, request.urn, request.olds, request.news, timeout_seconds=request.timeout
        ) as call:
            outputs = await handler.update(call, request.resource_id, state=state, new=new, changed=changed)
        # An input that the program no longer gives must not stay, or it would be a change for ever.
        dropped = {field.name for field in handler.kind.inputs if new.get(field.name) is None}
        kept = {name: value for name, value in outputs.items() if name not in dropped}
        untold = [name for name in _untold(state) if new.get(name) is None]
        outputs = {**kept, UNTOLD: untold or None}
        return UpdateResponse(properties=self._properties(handler, outputs, request.news))

    async def delete(self, request: DeleteRequest) -> None:
        """Delete it, and prove it."""
        handler = self._handlers[_token(request.type)]
        async with self._call(handler, request.urn, request.properties, timeout_seconds=request.timeout) as call:
            await handler.delete(call, request.resource_id, plain_map(request.properties))

    async def cancel(self) -> None:
        """Create nothing more. What is under way comes to its end, so that no id is lost."""
        self._accounts.stopping.set()

    def hide(self, text: str) -> str:
        """The text without any secret that this process was given."""
        return self._hidden.hide(text)

    @asynccontextmanager
    async def _call(
        self, handler: Handler, urn: str, *values: Mapping[str, PropertyValue], timeout_seconds: float = 0
    ) -> AsyncGenerator[Call]:
        """What a handler is told; all that it said is in the engine's log when this ends."""
        for given in values:
            self._learn(handler, given)
        try:
            yield Call(
                urn=urn,
                accounts=self._accounts,
                journal=self._notes(),
                say=lambda text: self._log.line(urn, self.hide(text)),
                warn=lambda text: self._log.line(urn, self.hide(text), is_warning=True),
                timeout_seconds=timeout_seconds or None,
                show=lambda text: self._log.line(urn, self.hide(text), passing=True),
            )
        finally:
            await self._log.flush()

    def _learn(self, handler: Handler, given: Mapping[str, PropertyValue]) -> None:
        """Remember what no message may hold: a log may show another resource's secret."""
        self._hidden.learn(given)
        self._hidden.add(secret_texts(handler.kind, plain_map(given)))

    def _notes(self) -> Journal:
        if self._journal is None:
            self._journal = self._disk_journal(None)
        return self._journal

    def _disk_journal(self, folder: str | None) -> DiskJournal:
        notes = Path(folder) if folder else self._accounts.home / ".modelyard" / "creates"
        return DiskJournal(notes, place=str(Path.cwd()))

    def _is_in_a_state(self, resource_id: str) -> None:
        """The engine has it: no interrupted run left it behind, so no later create may clear it away."""
        self._notes().answered_for(resource_id.rpartition("/")[2])

    def _properties(
        self, handler: Handler, outputs: Outputs, given: Mapping[str, PropertyValue]
    ) -> dict[str, PropertyValue]:
        made = _properties(handler.kind, outputs, given)
        self._hidden.learn(made)
        return made


def _token(qualified: str) -> str:
    """The resource's own type token: a child's URN names the types of its parents before it."""
    return qualified.rpartition("$")[2]


def _changed(kind: ResourceType, state: Mapping[str, Any], new: Mapping[str, Any], ignored: set[str]) -> list[str]:
    """Inputs that differ. What an import could not know is not a change."""
    found: list[str] = []
    is_imported = state.get(UNTOLD) is not None
    untold = _untold(state)
    for field in kind.inputs:
        old, wanted = state.get(field.name), new.get(field.name)
        if field.name in ignored or (is_imported and wanted is None):
            continue
        if wanted is UNKNOWN or (old != wanted and not (old is None and field.name in untold)):
            found.append(field.name)
    return sorted(found)


def _untold(state: Mapping[str, Any]) -> list[str]:
    names: Sequence[str] = state.get(UNTOLD) or ()
    return list(names)


def _replaces(handler: Handler, name: str, state: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    change = next(field.change for field in handler.kind.inputs if field.name == name)
    if new.get(name) is UNKNOWN:
        return change is Change.REPLACE
    if change is Change.REPLACE:
        return not handler.keeps(name, state=state, new=new)
    return handler.replaces(name, state=state, new=new)


def _properties(kind: ResourceType, outputs: Outputs, given: Mapping[str, PropertyValue]) -> dict[str, PropertyValue]:
    """Outputs as the engine takes them; what it gave us goes back as it came, with its secrets."""
    secret = {field.name for field in (*kind.inputs, *kind.outputs) if field.secret}
    before = plain_map(given)
    made: dict[str, PropertyValue] = {}
    for name, value in outputs.items():
        if value is None:
            continue
        same = name in given and before.get(name) == value
        marked = name in secret or (name in given and given[name].is_secret)
        made[name] = given[name] if same and not marked else property_value(value, is_secret=marked)
    return made
