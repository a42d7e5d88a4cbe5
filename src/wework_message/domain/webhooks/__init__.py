"""Webhooks of clients: endpoints, events, and when an event is sent (ADR 56)."""
