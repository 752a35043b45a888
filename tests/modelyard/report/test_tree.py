"""The resource tree."""

from modelyard.report.reader import Reader
from modelyard.report.tree import tree


def _resource(urn: str, parent: str | None, kind: str = "a:b:Thing") -> Reader:
    return Reader({"urn": urn, "parent": parent, "type": kind, "name": urn, "description": ""})


def _shape(*resources: Reader) -> list[tuple[int, str]]:
    return [(node.depth, node.name) for node in tree(resources)]


def test_children_stand_under_their_parents_in_the_order_of_registration() -> None:
    stack = _resource("stack", None, "pulumi:pulumi:Stack")
    interleaved = (_resource("a", "stack"), _resource("b", "stack"), _resource("a2", "a"), _resource("b1", "b"))
    late = (_resource("a3", "a"), _resource("a21", "a2"))
    assert _shape(stack, *interleaved, *late) == [(0, "a"), (1, "a2"), (2, "a21"), (1, "a3"), (0, "b"), (1, "b1")]


def test_providers_and_the_stack_are_left_out_and_their_children_are_roots() -> None:
    provider = _resource("p", None, "pulumi:providers:kubernetes")
    assert _shape(provider, _resource("x", "p"), _resource("y", "not there")) == [(0, "x"), (0, "y")]


def test_a_loop_of_parents_ends() -> None:
    assert _shape(_resource("x", "y"), _resource("y", "x")) == [(0, "x"), (1, "y")]
    assert _shape() == []
