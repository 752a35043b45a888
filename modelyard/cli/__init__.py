"""The front door: parses the command line, calls the core, prints. Nothing imports it.

Commands import what they need when they run, because the start of the program is measured: `modelyard fit` and
`modelyard offers` must not wait for Pulumi.
"""
