"""The names of the message types."""

from enum import StrEnum


class MessageType(StrEnum):
    """The types that a provider can send, and MIXED, which is an ordered list of parts and has no content. No client names MASS_SEND."""

    TEXT = "TEXT"
    IMAGE = "IMAGE"
    VIDEO = "VIDEO"
    BIG_VIDEO = "BIG_VIDEO"
    FILE = "FILE"
    VOICE = "VOICE"
    LINK = "LINK"
    MINIPROGRAM = "MINIPROGRAM"
    CONTACT = "CONTACT"
    LOCATION = "LOCATION"
    GIF = "GIF"
    MENTION = "MENTION"
    QUOTE = "QUOTE"
    MERGED = "MERGED"
    CHANNEL_FEED = "CHANNEL_FEED"
    CHANNEL_LIVE = "CHANNEL_LIVE"
    SHOP_PRODUCT = "SHOP_PRODUCT"
    MASS_SEND = "MASS_SEND"
    """The content of a native mass send, one for all its recipients; a batch makes it."""
    MIXED = "MIXED"
