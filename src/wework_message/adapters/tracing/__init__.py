"""Traces by OpenTelemetry: imported only where the settings ask for them (ADR 77)."""
