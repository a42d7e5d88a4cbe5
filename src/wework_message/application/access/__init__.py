"""Who calls: keys, tenants, and what this process knows of them."""
