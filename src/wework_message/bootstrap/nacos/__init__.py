"""Nacos in a process: its configurations at the start and while it runs, and the registration of the service (ADR 78)."""
