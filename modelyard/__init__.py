"""modelyard: one page of YAML becomes a priced, policy-checked, monitored LLM endpoint on rented GPUs."""

__version__ = "0.1.0"
