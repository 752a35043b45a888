"""The simulated API: authentication, limits and the way to the operations.

Stricter than the vendor: bodies are checked to the last key, the limits are exact, and a machine is billed from its
launch, not from the health check that the vendor waits for.
"""

import re
from collections.abc import Callable

from tests.simulators.core import SimRequest, SimResponse, json_response
from tests.simulators.lambda_cloud.account import Answer
from tests.simulators.lambda_cloud.bodies import Refused, internal, missing
from tests.simulators.lambda_cloud.others import Others


class LambdaSimulator(Others):
    """Lambda, with one account."""

    def answer(self, request: SimRequest) -> SimResponse:
        """The vendor's behaviour."""
        try:
            return json_response(*self._answer(request))
        except Refused as refused:
            return json_response(refused.status, refused.body())

    def _answer(self, request: SimRequest) -> Answer:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            hint = "Check your API key or create a new one, then try again."
            raise Refused(401, "global/invalid-api-key", "API key was invalid, expired, or deleted.", hint)
        if self.faults.take("retired"):
            raise Refused(410, "global/gone", "This API version is no longer available.")
        if not self.is_active:
            hint = (
                "Make sure you have verified your email address and have a valid payment method. "
                "Contact Support if problems continue."
            )
            raise Refused(403, "global/account-inactive", "Your account is inactive.", hint)
        path = request.path.removeprefix(self.base_path)
        self._limit("launch" if path == "/instance-operations/launch" else "")
        if request.method == "GET" and self.faults.take("read_error"):
            raise internal()
        for method, pattern, operation in self._routes():
            match = re.fullmatch(pattern, path)
            if match and method == request.method:
                return operation(request, *match.groups())
        raise missing(f"No such route: {request.method} {path}")

    def _routes(self) -> tuple[tuple[str, str, Callable[..., Answer]], ...]:
        one = "/([0-9a-f]{32})"
        return (
            ("GET", "/instances", self._list_instances),
            ("GET", f"/instances{one}", self._get_instance),
            ("POST", f"/instances{one}", self._rename),
            ("GET", "/instance-types", self._list_types),
            ("POST", "/instance-operations/launch", self._launch),
            ("POST", "/instance-operations/terminate", self._terminate),
            ("GET", "/ssh-keys", self._list_keys),
            ("POST", "/ssh-keys", self._add_key),
            ("DELETE", f"/ssh-keys{one}", self._delete_key),
            ("GET", "/file-systems", self._list_filesystems),
            ("POST", "/filesystems", self._create_filesystem),
            ("DELETE", f"/filesystems{one}", self._delete_filesystem),
            ("GET", "/firewall-rulesets", self._list_rulesets),
            ("POST", "/firewall-rulesets", self._create_ruleset),
            ("GET", f"/firewall-rulesets{one}", self._get_ruleset),
            ("PATCH", f"/firewall-rulesets{one}", self._patch_ruleset),
            ("DELETE", f"/firewall-rulesets{one}", self._delete_ruleset),
        )
