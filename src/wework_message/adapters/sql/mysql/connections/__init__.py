"""Connections of asyncmy, and the statements on them."""

from wework_message.adapters.sql.mysql import driver as _asyncmy  # noqa: F401 -- before any module here imports asyncmy
