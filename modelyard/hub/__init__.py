"""Any model of the Hugging Face hub or of a local folder as a row of the catalog, from its config and headers alone.

huggingface_hub is imported when a repository is asked for, not before: models of the catalog need no network.
"""

from modelyard.hub.resolve import read_model as read_model
from modelyard.hub.resolve import resolve as resolve
from modelyard.hub.row import to_toml as to_toml
