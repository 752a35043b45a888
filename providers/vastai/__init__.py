"""Vast.ai: a marketplace of other people's machines, reached through its REST API."""
