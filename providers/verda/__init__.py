"""Verda, formerly DataCrunch: virtual machines in Finland and Iceland."""
