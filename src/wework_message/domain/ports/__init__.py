"""The ports of the use cases: Protocols only, named for the need.

The ports come with the domain for services that embed it. An adapter conforms structurally and passes the port's
contract suite.
Every method may raise `UnavailableError` (the store, broker or provider is away; nothing was changed) and only
the errors that it names besides.
"""
