"""Started by the Pulumi engine; talks gRPC on a loopback port that it prints."""

import asyncio
import sys

from providers.plugin.rental_provider import RentalProvider
from providers.plugin.server import serve

if __name__ == "__main__":
    address = next((arg for arg in sys.argv[1:] if not arg.startswith("-")), "")

    async def main() -> None:
        """Serve the engine that started us."""
        await serve(RentalProvider(engine_address=address), engine_address=address)

    asyncio.run(main())
