"""Adapters that need nothing but this process: for tests, for embedding, and (doorbell, limiter, board) for `embedded`.

Whoever embeds the domain wires them like this::

    database, clock = MemoryDatabase(), SettableClock()  # or a clock of your own
    units = MemoryUnitOfWorkFactory(database, clock)
    reader = MemoryMessageReader(database)
    gateway = MemoryGateway(clock, busy=lambda: database.busy)

    async with units() as unit:
        await unit.messages.add([message])
        await unit.commit()

They keep what the port's docstrings promise, rollback and guards included; nothing survives the process.
"""
