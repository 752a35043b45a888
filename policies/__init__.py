"""Rules: what must not happen, one a file, and the policy pack that runs them. Imports the pure core alone."""
