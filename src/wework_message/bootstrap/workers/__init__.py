"""Several processes of one service on one port: a supervisor, and its workers (ADR 33)."""
