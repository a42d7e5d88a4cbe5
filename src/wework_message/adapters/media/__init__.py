"""The bytes of media: a folder, an object store, and temporary files for what comes in (ADR 66)."""
