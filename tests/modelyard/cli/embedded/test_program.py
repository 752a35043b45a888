"""A program run without an engine registers what it would register with one."""

import sys
from pathlib import Path

import pytest

from modelyard.cli.embedded import run_program
from modelyard.errors import ConfigError, ModelyardError, UnknownNameError, UsageError
from modelyard.resources import SECRET, UNKNOWN
from tests.modelyard.cli.embedded.projects import write_project

PROGRAM = """
    import pulumi

    class Thing(pulumi.CustomResource):
        out: pulumi.Output[str]
        def __init__(self, name, props, opts=None):
            super().__init__("vendor:index:Thing", name, {**props, "out": None}, opts)

    class Inner(pulumi.ComponentResource):
        def __init__(self, name, opts=None):
            super().__init__("demo:index:Inner", name, {"count": 8, "share": 0.5}, opts)
            below = pulumi.ResourceOptions(parent=self)
            self.a = Thing(f"{name}-a", {"n": 1, "secret": pulumi.Output.secret({"x": 1})}, below)
            self.b = Thing(f"{name}-b", {"id_of_a": self.a.id, "out_of_a": [self.a.out], "n": self.a.n}, below)
            self.register_outputs({})

    class Outer(pulumi.ComponentResource):
        def __init__(self, name):
            super().__init__("demo:index:Outer", name, {"plain": {"k": [1, {"z": True}]}})
            self.inner = Inner(f"{name}-inner", pulumi.ResourceOptions(parent=self))
            self.register_outputs({})

    first = Outer("o")
    Thing("last", {}, pulumi.ResourceOptions(depends_on=[first.inner.a]))
    pulumi.export("answer", 42)
"""

OUTER = "urn:pulumi:dev::demo::demo:index:Outer::o"
INNER = "urn:pulumi:dev::demo::demo:index:Outer$demo:index:Inner::o-inner"
A = "urn:pulumi:dev::demo::demo:index:Outer$demo:index:Inner$vendor:index:Thing::o-inner-a"


def test_urns_parents_and_kinds_are_the_engines(tmp_path: Path) -> None:
    resources = run_program(write_project(tmp_path, PROGRAM), "dev")
    assert {(r.urn, r.parent, r.custom) for r in resources} == {
        (OUTER, None, False),
        (INNER, OUTER, False),
        (A, INNER, True),
        (A[:-1] + "b", INNER, True),
        ("urn:pulumi:dev::demo::vendor:index:Thing::last", None, True),
    }
    by_name = {r.name: r for r in resources}
    assert by_name["last"].depends_on == (A,)
    assert by_name["o-inner-b"].depends_on == (A,)
    names = [r.name for r in resources]
    assert names == ["o", "o-inner", "o-inner-a", "o-inner-b", "last"]


def test_properties_are_plain_unknown_or_secret(tmp_path: Path) -> None:
    by_name = {r.name: r for r in run_program(write_project(tmp_path, PROGRAM), "dev")}
    assert by_name["o"].props == {"plain": {"k": [1, {"z": True}]}}
    assert by_name["o-inner"].props == {"count": 8, "share": 0.5}
    assert isinstance(by_name["o-inner"].props["count"], int)
    assert by_name["o-inner-a"].props == {"n": 1, "secret": SECRET}
    assert by_name["o-inner-b"].props == {"id_of_a": UNKNOWN, "out_of_a": [UNKNOWN], "n": 1}


def test_a_second_run_knows_nothing_of_the_first(tmp_path: Path) -> None:
    project = write_project(tmp_path, PROGRAM)
    assert run_program(project, "dev") == run_program(project, "dev")


def test_files_and_resources_among_the_properties(tmp_path: Path) -> None:
    program = """
        import pulumi

        class Thing(pulumi.CustomResource):
            def __init__(self, name, props):
                super().__init__("vendor:index:Thing", name, props)

        first = Thing("first", {"large": 2**40, "negative": -0.25, "nothing": [None], "empty": {}})
        Thing("second", {
            "text": pulumi.StringAsset("hello"),
            "remote": pulumi.RemoteAsset("https://example.com/x"),
            "later": first.id.apply(lambda i: i + "!"),
            "list": pulumi.Output.all(first.id, "known"),
            "hidden": [pulumi.Output.secret("a"), "b"],
        })
    """
    first, second = run_program(write_project(tmp_path, program), "dev")
    assert first.props == {"large": 2**40, "negative": -0.25, "nothing": [None], "empty": {}}
    assert second.props == {
        "text": {"text": "hello"},
        "remote": {"uri": "https://example.com/x"},
        "later": UNKNOWN,
        "list": UNKNOWN,
        "hidden": [SECRET, "b"],
    }


CONFIGURED = """
    import pulumi

    config = pulumi.Config()
    class Thing(pulumi.CustomResource):
        def __init__(self, name, props):
            super().__init__("vendor:index:Thing", name, props)

    Thing("t", {
        "object": config.require_object("thing"),
        "number": config.require_int("size"),
        "truth": config.require_bool("flag"),
        "text": config.get("word"),
        "hidden": config.require_secret("token"),
        "other": pulumi.Config("aws").get("region"),
        "stack": pulumi.get_stack(),
        "project": pulumi.get_project(),
        "preview": pulumi.runtime.is_dry_run(),
    })
"""


def test_configuration_reaches_the_program_and_secrets_do_not(tmp_path: Path) -> None:
    config = """
  demo:thing: {a: 1, b: [x, 2.5], password: {secure: v1:abc}}
  word: hello
  flag: true
  token: {secure: v1:def}
  aws:region: eu-west-1"""
    defaults = "config:\n  size: {default: 3}\n  word: overruled\n"
    (thing,) = run_program(write_project(tmp_path, CONFIGURED, config=config, project=defaults), "dev")
    assert thing.props == {
        "object": {"a": 1, "b": ["x", 2.5], "password": SECRET},
        "number": 3,
        "truth": True,
        "text": "hello",
        "hidden": SECRET,
        "other": "eu-west-1",
        "stack": "dev",
        "project": "demo",
        "preview": True,
    }


def test_the_program_finds_its_neighbours_and_two_projects_do_not_mix(tmp_path: Path) -> None:
    program = """
        import pulumi
        import neighbour

        class Thing(pulumi.CustomResource):
            def __init__(self, name):
                super().__init__("vendor:index:Thing", name, {})

        Thing(neighbour.NAME)
    """
    for name in ("one", "two"):
        write_project(tmp_path / name, program)
        (tmp_path / name / "prog" / "neighbour.py").write_text(f"NAME = '{name}'\n", encoding="utf-8")
    assert [run_program(tmp_path / n, "dev")[0].name for n in ("one", "two")] == ["one", "two"]
    assert "neighbour" not in sys.modules


def test_surroundings_are_put_back(tmp_path: Path) -> None:
    before = (Path.cwd(), list(sys.path), list(sys.argv))
    program = "import os, sys\nassert os.getcwd().endswith('prog')\nsys.argv.append('x')\nprint('talk')\n"
    run_program(write_project(tmp_path, program), "dev")
    assert (Path.cwd(), sys.argv) == (before[0], before[2])
    assert sys.path == [*before[1], str(tmp_path)]
    sys.path.remove(str(tmp_path))


def test_what_the_program_prints_is_talk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = "import pulumi\nprint('hello')\npulumi.log.warn('careful')\npulumi.log.info('nothing')\n"
    run_program(write_project(tmp_path, program), "dev")
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "hello\nprogram  careful\n"


def test_a_program_may_be_one_file(tmp_path: Path) -> None:
    write_project(tmp_path, "")
    (tmp_path / "one.py").write_text("import pulumi\npulumi.export('x', 1)\n", encoding="utf-8")
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: {name: python}\nmain: one.py\n", encoding="utf-8")
    assert run_program(tmp_path, "dev") == ()


def test_an_asynchronous_program_is_awaited(tmp_path: Path) -> None:
    program = """
        import asyncio
        import pulumi

        async def work():
            await asyncio.sleep(0)
            pulumi.ComponentResource("demo:index:C", "late", {})

        pulumi.run(work)
    """
    assert [r.name for r in run_program(write_project(tmp_path, program), "dev")] == ["late"]


def test_a_stack_reference_is_unknown(tmp_path: Path) -> None:
    program = """
        import pulumi

        other = pulumi.StackReference("organization/demo/other")
        pulumi.ComponentResource("demo:index:C", "c", {"from_other": other.get_output("x")})
    """
    (component,) = run_program(write_project(tmp_path, program), "dev")
    assert component.props == {"from_other": UNKNOWN}


def test_transforms_are_not_run_and_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = """
        import pulumi

        pulumi.runtime.register_resource_transform(lambda args: None)
        pulumi.ComponentResource("demo:index:C", "c", {})
    """
    assert [r.name for r in run_program(write_project(tmp_path, program), "dev")] == ["c"]
    assert (
        capsys.readouterr().err
        == "program  its transforms are not run here: resources are shown as they were declared\n"
    )


@pytest.mark.parametrize(
    ("program", "kind", "words"),
    [
        (
            "a = {}\na['missing']\n",
            ModelyardError,
            ("the program stopped: 'KeyError: 'missing''", "where    prog/__main__.py:2"),
        ),
        (
            "import pulumi\npulumi.Output.from_input(1).apply(lambda v: v / 0)\npulumi.export('x', 1)\n",
            ModelyardError,
            ("the program stopped: 'ZeroDivisionError: division by zero'", "where    prog/__main__.py:2"),
        ),
        (
            "import pulumi\nraise pulumi.RunError('say what you want')\n",
            ModelyardError,
            ("the program stopped: 'say what you want'", "where    prog/__main__.py:2"),
        ),
        ("import not_installed_anywhere\n", ModelyardError, ("No module named", "`uv sync` in the project")),
        ("def broken(:\n", ModelyardError, ("SyntaxError",)),
        ("import sys\nsys.exit(3)\n", ModelyardError, ("SystemExit: 3",)),
        (
            "from modelyard.errors import NotPossibleError\nraise NotPossibleError('over the ceiling')\n",
            ModelyardError,
            ("over the ceiling",),
        ),
        (
            "import pulumi\nfor _ in 'ab':\n    pulumi.ComponentResource('demo:index:C', 'same', {})\n",
            UsageError,
            ("two resources are called 'same'", "give one of them another name"),
        ),
        (
            "import pulumi\npulumi.runtime.invoke('aws:index/getRegion:getRegion', {})\n",
            UsageError,
            ("the program asks a provider: 'aws:index/getRegion:getRegion'", "`pulumi preview`"),
        ),
    ],
)
def test_what_stops_a_program(tmp_path: Path, program: str, kind: type[ModelyardError], words: tuple[str, ...]) -> None:
    write_project(tmp_path, "")
    (tmp_path / "prog" / "__main__.py").write_text(program, encoding="utf-8")
    with pytest.raises(kind) as caught:
        run_program(tmp_path, "dev")
    for part in words:
        assert part in str(caught.value)


def test_an_error_of_ours_keeps_its_exit_code(tmp_path: Path) -> None:
    program = "from modelyard.errors import NotPossibleError\nraise NotPossibleError('over the ceiling')\n"
    with pytest.raises(ModelyardError) as caught:
        run_program(write_project(tmp_path, program), "dev")
    assert caught.value.exit_code == 3


def test_leaving_with_success_is_no_failure(tmp_path: Path) -> None:
    assert run_program(write_project(tmp_path, "import sys\nsys.exit(0)\n"), "dev") == ()


def test_an_unknown_stack_names_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError) as caught:
        run_program(write_project(tmp_path, ""), "dve")
    assert caught.value.nearest == ("dev",)


def test_a_program_of_another_language_is_refused(tmp_path: Path) -> None:
    write_project(tmp_path, "")
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: nodejs\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="the program's runtime is 'nodejs'"):
        run_program(tmp_path, "dev")
