"""wework-message: a WeCom (企业微信) message gateway.

``wework_message.domain`` is pure and embeddable; it needs the standard library and msgspec only.
"""

__version__ = "0.1.0"
