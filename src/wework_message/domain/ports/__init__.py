"""What the use cases need from the world: Protocols only, named for the need.

Whoever embeds the domain gets the ports with it. An adapter conforms structurally and passes the port's contract suite.
Every method may raise `UnavailableError` (the store, broker or provider is away; nothing was changed) and nothing else but
the errors it names.
"""
