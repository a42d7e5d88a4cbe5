"""Faults: what goes wrong (`actions`), for which calls (`rules`), and files of both (`script`)."""
