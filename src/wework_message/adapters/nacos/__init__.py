"""Nacos: the list of services, and shared configuration, by the SDK of its project (the extra `nacos`)."""
