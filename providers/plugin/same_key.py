"""Whether "no such object" was said to the key that made it: another account's answer proves nothing."""

from collections.abc import Callable

from modelyard.errors import UnverifiedError
from providers.base.accounts import Accounts
from providers.base.resource import Field, Plain

KeyId = Callable[[Accounts, str], str]
"""Account and vendor → a digest of the key in use."""
KEY_ID = Field(name="keyId", kind="string", description="Digest of the API key that it was last seen with.")


def refuse_another_key(state: Plain, key_id: str, *, name: str, vendor: str, what: str) -> None:
    """Refuse to believe that something is gone when the state knows it by another key: it may be in another account.

    Args:
        state: what the state says; without ``keyId`` there is nothing to compare.
        key_id: of the key that was just used.
        name: the resource's name in the program.
        vendor: vendor's name.
        what: the object, for people.

    Raises:
        UnverifiedError: it is another key.
    """
    known = state.get(KEY_ID.name)
    if isinstance(known, str) and known and known != key_id:
        raise UnverifiedError(
            f"{name}: {vendor} does not show {what}, but it was rented with another API key; "
            "it may live on in another account",
            resolution="Run again with the key that rented it. If it is gone for certain: `pulumi state delete`.",
        )
