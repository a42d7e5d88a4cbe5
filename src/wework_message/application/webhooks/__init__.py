"""Webhooks of clients: record events, deliver them, manage endpoints (ADR 56)."""
