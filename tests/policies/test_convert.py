"""What the policy SDK hands out becomes plain values, one property at a time."""

from collections.abc import Mapping

import pytest
from pulumi_policy.proxy import UNKNOWN_NUMBER_VALUE, UNKNOWN_OBJECT_VALUE, unknown_checking_proxy

from modelyard.resources import SECRET, UNKNOWN, Resource
from policies.convert import to_resource


def _convert(kind: str, props: Mapping[str, object], *, parent: str | None = None) -> Resource:
    return to_resource(urn="u", kind=kind, name="x", props=props, parent=parent, has_provider=True)


def test_an_unknown_hides_only_itself() -> None:
    proxy = unknown_checking_proxy(
        {
            "gpuCount": 8.0,
            "share": 0.5,
            "trial": True,
            "name": None,
            "port": UNKNOWN_NUMBER_VALUE,
            "spec": {"image": "a:1", "more": UNKNOWN_OBJECT_VALUE},
            "list": ["x", UNKNOWN_NUMBER_VALUE, {"y": 2.0}],
        }
    )
    resource = _convert("modelyard:index:Serving", proxy, parent="p")
    assert resource.props == {
        "gpuCount": 8,
        "share": 0.5,
        "trial": True,
        "name": None,
        "port": UNKNOWN,
        "spec": {"image": "a:1", "more": UNKNOWN},
        "list": ["x", UNKNOWN, {"y": 2}],
    }
    assert isinstance(resource.props["gpuCount"], int)
    assert (resource.custom, resource.parent) == (False, "p")


@pytest.mark.parametrize(
    ("kind", "has_provider", "custom"),
    [
        ("aws:s3/bucket:Bucket", True, True),
        ("acme:index:Thing", False, False),
        ("modelyard:index:Gateway", True, False),
        ("pulumi:pulumi:Stack", False, False),
    ],
)
def test_a_component_is_what_has_no_provider_or_is_ours(kind: str, *, has_provider: bool, custom: bool) -> None:
    resource = to_resource(urn="u", kind=kind, name="x", props={}, parent=None, has_provider=has_provider)
    assert resource.custom is custom


def test_what_is_secret_by_its_name_is_taken_out() -> None:
    props = unknown_checking_proxy({"env": {"KEY": "hunter2"}, "data": {"k": "aHVudGVyMg=="}, "image": "a:1"})
    machine = _convert("modelyard-rental:index:Machine", props, parent="")
    assert machine.props["env"] == SECRET
    assert (machine.custom, machine.parent) == (True, None)
    secret = _convert("kubernetes:core/v1:Secret", props)
    assert secret.props == {"env": SECRET, "data": SECRET, "image": "a:1"}
