"""Media assets: what messages with media wait for, and the worker that makes it (ADR 66)."""
