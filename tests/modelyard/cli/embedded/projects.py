"""Small Pulumi projects on disk, to be run without an engine."""

import textwrap
from pathlib import Path


def write_project(
    root: Path, program: str, *, config: str = "{}", project: str = "", main: str = "prog", name: str = "demo"
) -> Path:
    """A project with one stack, ``dev``.

    Args:
        root: an empty folder.
        program: its ``__main__.py``.
        config: the stack's ``config:`` as YAML flow or block.
        project: more lines for ``Pulumi.yaml``.
        main: the program's folder.
        name: the project's name.
    """
    folder = root / main
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "__main__.py").write_text(textwrap.dedent(program), encoding="utf-8")
    (root / "Pulumi.yaml").write_text(f"name: {name}\nruntime: python\nmain: {main}\n{project}\n", encoding="utf-8")
    (root / "Pulumi.dev.yaml").write_text(f"config: {config}\n", encoding="utf-8")
    return root
