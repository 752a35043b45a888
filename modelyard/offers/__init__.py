"""What is on sale: a dated snapshot of prices as offers, and the filters of a place."""

from modelyard.offers.select import select as select
from modelyard.offers.snapshot import load_left_out as load_left_out
from modelyard.offers.snapshot import load_offers as load_offers
from modelyard.offers.snapshot import load_unit_prices as load_unit_prices
from modelyard.offers.types import Billing as Billing
from modelyard.offers.types import Offer as Offer
from modelyard.offers.types import Rejection as Rejection
from modelyard.offers.types import UnitPrice as UnitPrice
from modelyard.offers.vendors import RENTABLE_VENDORS as RENTABLE_VENDORS
from modelyard.offers.vendors import find_vendor as find_vendor
from modelyard.offers.vendors import load_vendors as load_vendors

__all__ = [
    "RENTABLE_VENDORS",
    "Billing",
    "Offer",
    "Rejection",
    "UnitPrice",
    "find_vendor",
    "load_left_out",
    "load_offers",
    "load_unit_prices",
    "load_vendors",
    "select",
]
