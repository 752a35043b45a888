"""What it costs: lines with source and date, totals that say what they cover, and what is not priced."""

from modelyard.cost.cluster import control_plane_parts as control_plane_parts
from modelyard.cost.cluster import node_parts as node_parts
from modelyard.cost.cluster import volume_claim_part as volume_claim_part
from modelyard.cost.free import is_free as is_free
from modelyard.cost.lines import add_bills as add_bills
from modelyard.cost.lines import bill_parts as bill_parts
from modelyard.cost.lines import make_bill as make_bill
from modelyard.cost.machine import bill_machine as bill_machine
from modelyard.cost.machine import bill_offer as bill_offer
from modelyard.cost.prices import unit_price as unit_price
from modelyard.cost.registered import price_resources as price_resources
from modelyard.cost.timing import TEARDOWN_SECONDS as TEARDOWN_SECONDS
from modelyard.cost.timing import billed_seconds as billed_seconds
from modelyard.cost.timing import worst_case_seconds as worst_case_seconds
from modelyard.cost.types import Bill as Bill
from modelyard.cost.types import CostLine as CostLine
from modelyard.cost.types import NotPriced as NotPriced

__all__ = [
    "TEARDOWN_SECONDS",
    "Bill",
    "CostLine",
    "NotPriced",
    "add_bills",
    "bill_machine",
    "bill_offer",
    "bill_parts",
    "billed_seconds",
    "control_plane_parts",
    "is_free",
    "make_bill",
    "node_parts",
    "price_resources",
    "unit_price",
    "volume_claim_part",
    "worst_case_seconds",
]
