"""The command line: `main.build_cli` makes it from the callables of `bootstrap`.

Nothing is imported here: a command imports what it needs and no more (ADR 29).
"""
