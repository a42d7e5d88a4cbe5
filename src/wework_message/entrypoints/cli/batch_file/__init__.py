"""A file of messages, sent in batches: read as a stream, resumed behind the last result."""
