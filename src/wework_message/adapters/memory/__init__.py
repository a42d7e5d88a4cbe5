"""Adapters that need nothing but this process: for tests, and for programs that embed the domain.

Such a program wires them like this::

    database, clock = MemoryDatabase(), SettableClock()  # or a clock of your own
    units = MemoryUnitOfWorkFactory(database, clock)
    reader = MemoryMessageReader(database)
    gateway = MemoryGateway(clock, busy=lambda: database.busy)

    async with units() as unit:
        await unit.messages.add([message])
        await unit.commit()

They fulfil the docstrings of the ports, rollback and guards included; nothing survives the process.
"""
