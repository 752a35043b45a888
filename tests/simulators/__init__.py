"""Servers that speak a vendor's protocol on the loopback address: stricter than the vendor, never kinder."""
