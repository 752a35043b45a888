"""The market: hosts all over the world, and asks whose ids do not last. Hand-written from Vast's public behaviour."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from operator import itemgetter
from typing import Any, Final

from tests.simulators.vastai.bodies import as_object

RELIST_SECONDS: Final = 600.0
"""How long an ask keeps its id."""
SHOWN: Final = 64
STORAGE_USD_PER_GB_MONTH: Final = Decimal("0.02")
HOURS_PER_MONTH: Final = 730


@dataclass(frozen=True, slots=True)
class Product:
    """A GPU on sale."""

    sku: str
    gpu_name: str
    ram_mb: int
    usd_per_hour: Decimal
    """One GPU at a host outside of a data centre."""


def _product(sku: str, gpu_name: str, ram_mb: int, usd: str) -> Product:
    return Product(sku, gpu_name, ram_mb, Decimal(usd))


PRODUCTS: Final = (
    _product("Tesla T4", "Tesla T4", 15360, "0.10"),
    _product("L4", "L4", 23034, "0.22"),
    _product("A10", "A10", 23028, "0.18"),
    _product("A10G", "A10G", 23028, "0.20"),
    _product("RTX 3090", "RTX 3090", 24576, "0.13"),
    _product("RTX 4090", "RTX 4090", 24564, "0.27"),
    _product("RTX 5090", "RTX 5090", 32607, "0.30"),
    _product("L40", "L40", 46068, "0.45"),
    _product("L40S", "L40S", 46068, "0.52"),
    _product("A40", "A40", 46068, "0.27"),
    _product("RTX A6000", "RTX A6000", 49140, "0.35"),
    _product("RTX 6000 Ada", "RTX 6000Ada", 49140, "0.45"),
    _product("RTX PRO 6000 Server", "RTX PRO 6000 S", 97887, "1.20"),
    _product("RTX PRO 6000 WS", "RTX PRO 6000 WS", 97887, "0.76"),
    _product("RTX PRO 4500", "RTX PRO 4500", 32623, "0.28"),
    _product("A100 PCIe", "A100 PCIE", 40960, "0.40"),
    _product("A100 SXM", "A100 SXM4", 40960, "0.42"),
    _product("A100 PCIe 80", "A100 PCIE", 81920, "0.60"),
    _product("A100 SXM 80", "A100 SXM4", 81920, "0.70"),
    _product("H100 PCIe", "H100 PCIE", 81559, "1.90"),
    _product("H100 SXM", "H100 SXM", 81559, "1.55"),
    _product("H100 NVL", "H100 NVL", 95830, "1.90"),
    _product("H200", "H200", 143771, "2.95"),
    _product("H200 NVL", "H200 NVL", 143771, "2.60"),
    _product("B200", "B200", 183359, "4.75"),
    _product("B300", "B300", 275040, "6.70"),
)
PLACES: Final = (("Ashburn", "US"), ("Oslo", "NO"), ("Frankfurt", "DE"), ("Tokyo", "JP"))
COUNTS: Final = (1, 2, 4, 8)
EVERYWHERE: Final = frozenset({"any", "marketplace", ""})


@dataclass(slots=True)
class Host:
    """One machine of a host, rented whole again and again."""

    product: Product
    count: int
    city: str
    country: str
    secure: bool
    machine_id: int
    ask_id: int = 0
    listed: float = 0.0

    @property
    def dph_base(self) -> Decimal:
        """US dollars an hour without disk."""
        return self.product.usd_per_hour * self.count * (Decimal("1.03") if self.secure else 1)

    @property
    def min_bid(self) -> Decimal:
        """The least bid."""
        return (self.dph_base * Decimal("0.5")).quantize(Decimal("0.0001"))


def storage_usd(gigabytes: float) -> Decimal:
    """What so much disk costs an hour."""
    return (STORAGE_USD_PER_GB_MONTH * Decimal(str(gigabytes)) / HOURS_PER_MONTH).quantize(Decimal("0.000001"))


_OPS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "eq": lambda have, want: have == want,
    "neq": lambda have, want: have != want,
    "gt": lambda have, want: have is not None and have > want,
    "gte": lambda have, want: have is not None and have >= want,
    "lt": lambda have, want: have is not None and have < want,
    "lte": lambda have, want: have is not None and have <= want,
    "in": lambda have, want: have in want,
    "notin": lambda have, want: have not in want,
}
_OPTIONS: Final = frozenset({"type", "order", "limit", "allocated_storage", "disable_bundling"})


class BadSearch(Exception):  # noqa: N818  # an answer, told by exception
    """A search that Vast refuses; the text is Vast's."""


class Market:
    """What is on sale.

    Attributes:
        hosts: every machine.
    """

    def __init__(self, number: Callable[[], int]) -> None:
        self._number = number
        self._stock: dict[tuple[str, str], int] = {}
        self.hosts = [
            Host(product, count, city, country, secure, 10_000 + place)
            for place, (product, count, (city, country), secure) in enumerate(
                (p, c, x, s) for p in PRODUCTS for c in COUNTS for x in PLACES for s in (False, True)
            )
        ]
        self._by_name: dict[str, list[Host]] = {}
        for host in self.hosts:
            self._by_name.setdefault(host.product.gpu_name, []).append(host)
        self._by_ask: dict[int, Host] = {}

    def stock(self, sku: str, region: str, count: int) -> None:
        """Set how many machines of a SKU there are in a country, or everywhere together."""
        if sku not in {product.sku for product in PRODUCTS}:
            raise KeyError(sku)
        if region in EVERYWHERE:
            self._stock = {key: left for key, left in self._stock.items() if key[0] != sku}
            self._stock[sku, "any"] = count
        else:
            self._stock[sku, region.upper()] = count

    def has(self, host: Host) -> bool:
        """Whether the host's machine can be rented."""
        key = self._pool(host.product.sku, host.country)
        return key is None or self._stock[key] > 0

    def take(self, host: Host) -> None:
        """Rent it: the ask is gone, and another is listed later under another id."""
        self.move(host.product.sku, host.country, -1)
        self._by_ask.pop(host.ask_id, None)
        host.ask_id = 0

    def move(self, sku: str, country: str, by: int) -> None:
        """Put a machine back, or take it out."""
        key = self._pool(sku, country)
        if key is not None:
            self._stock[key] += by

    def at(self, ask_id: int, now: float) -> Host | None:
        """The host behind an ask that still stands."""
        host = self._by_ask.get(ask_id)
        return host if host is not None and now - host.listed < RELIST_SECONDS else None

    def search(self, filters: Mapping[str, Any], now: float) -> list[dict[str, Any]]:
        """Asks that match, in the order asked for.

        Raises:
            BadSearch: a filter that Vast does not take.
        """
        spot = filters.get("type", "on-demand") == "bid"
        if filters.get("type", "on-demand") not in {"on-demand", "ondemand", "bid", "reserved"}:
            raise BadSearch(f"Invalid type: {filters['type']}")
        disk = filters.get("allocated_storage", 8)
        tests = {name: test for name, test in filters.items() if name not in _OPTIONS}
        rows: list[dict[str, Any]] = []
        for host in self._candidates(tests):
            if not self.has(host):
                continue
            row = self._row(host, now, spot=spot, disk_gb=disk)
            if all(_passes(row, name, test) for name, test in tests.items()):
                rows.append(row)
        for column, direction in reversed(filters.get("order", [])):
            if rows and column not in rows[0]:
                raise BadSearch(f"Error in query parameters: {column} is not a valid search key")
            rows.sort(key=itemgetter(column), reverse=direction == "desc")
        return rows[: min(int(filters.get("limit", SHOWN)), SHOWN)]

    def _candidates(self, tests: Mapping[str, Any]) -> list[Host]:
        name = as_object(tests.get("gpu_name")) or {}
        return self._by_name.get(str(name["eq"]), []) if "eq" in name else self.hosts

    def _pool(self, sku: str, country: str) -> tuple[str, str] | None:
        for key in ((sku, country), (sku, "any")):
            if key in self._stock:
                return key
        return None

    def _row(self, host: Host, now: float, *, spot: bool, disk_gb: float) -> dict[str, Any]:
        if not host.ask_id or now - host.listed >= RELIST_SECONDS:
            self._by_ask.pop(host.ask_id, None)
            host.ask_id, host.listed = self._number(), now
            self._by_ask[host.ask_id] = host
        base = host.min_bid if spot else host.dph_base
        return {
            "id": host.ask_id, "ask_contract_id": host.ask_id, "bundle_id": host.machine_id + 1,
            "machine_id": host.machine_id, "host_id": host.machine_id + 2, "hosting_type": int(host.secure),
            "datacenter": host.secure, "gpu_name": host.product.gpu_name, "num_gpus": host.count,
            "gpu_ram": host.product.ram_mb, "gpu_total_ram": host.product.ram_mb * host.count,
            "gpu_frac": 1.0, "gpu_arch": "nvidia", "bw_nvlink": 450.0 if "SXM" in host.product.gpu_name else 0.0,
            "cuda_max_good": 13.0, "compute_cap": 900, "driver_version": "580.95.05",
            "dph_base": float(base), "dph_total": float(base + storage_usd(disk_gb)), "min_bid": float(host.min_bid),
            "storage_cost": float(STORAGE_USD_PER_GB_MONTH), "disk_space": 4000.0, "disk_bw": 2000.0,
            "inet_down": 900.0, "inet_up": 800.0, "inet_down_cost": 0.003, "inet_up_cost": 0.003,
            "reliability": 0.995, "reliability2": 0.995, "verified": True, "verification": "verified",
            "rentable": True, "rented": False, "external": False, "static_ip": host.secure,
            "direct_port_count": 250, "geolocation": f"{host.city}, {host.country}",
            "duration": 30 * 86400.0, "is_bid": spot, "cpu_ram": 257000, "cpu_cores": 64,
        }  # fmt: skip


def _passes(row: Mapping[str, Any], name: str, test: object) -> bool:
    if name not in row:
        raise BadSearch(f"Error in query parameters: {name} is not a valid search key")
    wanted = as_object(test)
    if not wanted or not set(wanted) <= set(_OPS):
        raise BadSearch(f"Invalid filter for {name}")
    have = row[name]
    if name == "geolocation":
        have = str(have).rpartition(", ")[2]
    return all(_OPS[op](have, want) for op, want in wanted.items())
