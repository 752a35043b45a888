"""Runs a project's program as the engine's Python host does, in a world of its own, and says what it registered."""

import asyncio
import contextlib
import contextvars
import json
import logging
import os
import runpy
import sys
import traceback
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

import pulumi
from pulumi.runtime import config as pulumi_config
from pulumi.runtime import settings as pulumi_settings
from pulumi.runtime.mocks import MockEngine
from pulumi.runtime.stack import run_in_stack

from modelyard.cli.embedded.monitor import PROGRAM_LOG, RecordingMonitor
from modelyard.cli.project import Project, StackFile, load_project, load_stack
from modelyard.errors import ModelyardError, quote
from modelyard.resources import Resource

_ORGANIZATION = "organization"
"""What the engine calls the organization of a stack without an account."""


def run_program(project_dir: Path, stack: str) -> tuple[Resource, ...]:
    """Everything that the program of a project would register for one stack, parents before children.

    The program is run in this process with the stack's configuration, in preview, in the program's folder; what it
    prints goes to stderr. May be called again: each run has its own loop, settings and modules.

    Args:
        project_dir: Folder with ``Pulumi.yaml``.
        stack: Name of the stack, whose file is ``Pulumi.<stack>.yaml``.

    Raises:
        UnknownNameError: there is no such stack.
        UsageError: the project or its stack file cannot be read, or the program asks what only an account can answer.
        ModelyardError: the program raised it, or raised something else, whose place in the program is named.
    """
    project = load_project(project_dir)
    return run(project, load_stack(project, stack))


def run(project: Project, stack: StackFile) -> tuple[Resource, ...]:
    """``run_program`` for a project and a stack file that are already read."""
    monitor = RecordingMonitor(project=project.name, stack=stack.environment)
    project.make_importable()
    try:
        with _surroundings(project):
            contextvars.copy_context().run(_run_in_context, project, stack, monitor)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _explain(error, project, monitor) from error
    return monitor.registered


def _run_in_context(project: Project, stack: StackFile, monitor: RecordingMonitor) -> None:
    """Pulumi keeps its settings, its configuration and the root resource in context variables: here they are ours."""
    texts = {key: value if isinstance(value, str) else _json(value) for key, value in stack.config.items()}
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    # One worker: registrations arrive in one order, the same in every run.
    executor = ThreadPoolExecutor(max_workers=1, initializer=_leave_without_loop)
    loop.set_default_executor(executor)
    try:
        pulumi_config.set_all_config(texts, sorted(stack.secret_keys))
        pulumi_settings.ROOT.set(None)
        pulumi_settings.configure(
            pulumi_settings.Settings(
                project=project.name,
                stack=stack.environment,
                monitor=monitor,
                engine=MockEngine(_program_log()),
                dry_run=True,
                organization=_ORGANIZATION,
                root_directory=str(project.root),
            )
        )
        loop.run_until_complete(run_in_stack(lambda: _execute(project.program)))
    finally:
        executor.shutdown(wait=True)
        _finish(loop)
        asyncio.set_event_loop(None)


def _json(value: object) -> str:
    """Structured configuration as the engine hands it over: JSON without spaces, keys sorted."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def _execute(program: Path) -> None:
    try:
        runpy.run_path(str(program), run_name="__main__")
    except SystemExit as error:
        if error.code not in (None, 0):
            raise


def _leave_without_loop() -> None:
    asyncio.set_event_loop(None)


def _finish(loop: asyncio.AbstractEventLoop) -> None:
    """Close the loop; what a failed program left waiting is dropped in silence, as the engine's host does."""
    pending = asyncio.all_tasks(loop)
    for task in pending:
        task.cancel()
    if pending:
        loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
    loop.close()


@contextlib.contextmanager
def _surroundings(project: Project) -> Generator[None]:
    """The folder, the import path, the arguments and the streams that a program expects; put back afterwards."""
    folder, arguments, path = Path.cwd(), sys.argv, list(sys.path)
    asyncio_log = logging.getLogger("asyncio")
    level = asyncio_log.level
    modules = set(sys.modules)
    os.chdir(project.program_dir)
    sys.argv = [str(project.program)]
    sys.path.insert(0, str(project.program_dir))
    asyncio_log.setLevel(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.chdir(folder)
        sys.argv, sys.path[:] = arguments, path
        asyncio_log.setLevel(level)
        _forget_neighbours(project.program_dir, set(sys.modules) - modules)


def _forget_neighbours(folder: Path, names: set[str]) -> None:
    """Forget modules that were found beside the program: another project may have others under the same names."""
    for name in names:
        origin = getattr(sys.modules[name], "__file__", None)
        beside = folder.joinpath(*name.split("."))
        if origin and Path(origin) in (beside.with_suffix(".py"), beside / "__init__.py"):
            del sys.modules[name]


def _program_log() -> logging.Logger:
    """The program's warnings and errors, to stderr as it is now."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("program  %(message)s"))
    PROGRAM_LOG.handlers[:] = [handler]
    PROGRAM_LOG.setLevel(logging.WARNING)
    PROGRAM_LOG.propagate = False
    return PROGRAM_LOG


def _explain(error: BaseException, project: Project, monitor: RecordingMonitor) -> ModelyardError:
    """What to tell the user about a program that stopped."""
    for cause in _chain(error):
        if isinstance(cause, ModelyardError):
            return cause
    if monitor.refusal is not None:
        return monitor.refusal
    place, source = _place(error.__traceback__, project)
    text = " ".join(str(error).split())
    said = (
        text
        if isinstance(error, pulumi.RunError)
        else f"{type(error).__name__}: {text}"
        if text
        else type(error).__name__
    )
    details = "\n".join(
        part for part in (f"where    {place}" if place else "", f"         {source}" if source else "") if part
    )
    resolution = "set MODELYARD_DEBUG=1 to see the traceback"
    if isinstance(error, ModuleNotFoundError):
        resolution = _how_to_get(error.name or "", project)
    return ModelyardError(
        f"the program stopped: {quote(said, limit=240)}", details=details or None, resolution=resolution
    )


def _how_to_get(module: str, project: Project) -> str:
    package = module.partition(".")[0]
    if (project.root / package).is_dir():
        return f"{package}/ is a folder of this project: is the whole of it there, and the name right?"
    return "the program needs a package that is not installed here; `uv sync` in the project installs its packages"


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    here: BaseException | None = error
    while here is not None and id(here) not in seen:
        seen.add(id(here))
        yield here
        here = here.__cause__ or here.__context__


def _place(trace: TracebackType | None, project: Project) -> tuple[str, str]:
    """The last line of the project's own code in a traceback, and its text."""
    root = project.root.resolve()
    for frame in reversed(traceback.extract_tb(trace)):
        path = Path(frame.filename)
        inside = path.is_relative_to(root) and not {"site-packages", ".venv", "venv"} & set(path.parts)
        if inside and not path.is_relative_to(Path(__file__).parent):
            return f"{path.relative_to(root).as_posix()}:{frame.lineno}", (frame.line or "").strip()[:80]
    return "", ""
