"""Tokens that others sign."""
