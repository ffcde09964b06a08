"""Causes outside the code: certificates, names, providers, platforms, traffic."""
