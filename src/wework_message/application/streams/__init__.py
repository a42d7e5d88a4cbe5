"""The message streams of instances, pulled where callbacks may have been lost."""
