"""Started by the Pulumi engine; talks gRPC on a loopback port that it prints."""

import sys

from pulumi.provider.experimental.server import main

from providers.plugin.rental_provider import RentalProvider
from providers.rental import VERSION

if __name__ == "__main__":
    main(sys.argv[1:], VERSION, RentalProvider())
