"""How others find the service."""
