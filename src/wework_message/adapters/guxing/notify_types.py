"""Every type of callback that the vendor documents, and what it proves (P-12)."""

from collections.abc import Mapping
from enum import Enum
from typing import Final

from wework_message.domain.ports.gateway import NoticeKind


class Proof(Enum):
    """What a callback of a type proves."""

    RECORDS = "records of the message stream"
    LOGIN = "the instance is online, and as whom"
    LOGOUT = "the instance may be offline"
    NOTHING = "nothing about messages or instances"

    @property
    def notice(self) -> NoticeKind:
        """What it reports about the instance. A wrong OFFLINE only causes the next probe to check."""
        return _NOTICES.get(self, NoticeKind.OTHER)


_NOTICES: Final = {Proof.LOGIN: NoticeKind.ONLINE, Proof.LOGOUT: NoticeKind.OFFLINE}

NOTIFY_TYPES: Final[Mapping[int, Proof]] = {
    0: Proof.NOTHING,  # unknown
    529: Proof.NOTHING,  # an admin's Moments task
    573: Proof.NOTHING,  # an admin's mass-send task
    1001: Proof.NOTHING,  # room: name changed
    1002: Proof.NOTHING,  # room: member added
    1003: Proof.NOTHING,  # room: member deleted
    1004: Proof.NOTHING,  # room: member kicked
    1005: Proof.NOTHING,  # room: member left
    1006: Proof.NOTHING,  # room created, and session changed: one number for both
    1023: Proof.NOTHING,  # room dismissed
    1037: Proof.NOTHING,  # system tips
    2115: Proof.NOTHING,  # session settings
    2116: Proof.NOTHING,  # room invitation to confirm
    2118: Proof.NOTHING,  # room information changed
    2120: Proof.NOTHING,  # a call that a WeCom user began
    2131: Proof.NOTHING,  # friend changed
    2132: Proof.NOTHING,  # friend request
    2166: Proof.NOTHING,  # a call
    2186: Proof.NOTHING,  # labels of a customer
    2215: Proof.NOTHING,  # Moments
    11001: Proof.NOTHING,  # ready: a process that may have no session yet
    11002: Proof.NOTHING,  # QR code: `vid` is who scans it, and has not logged in yet
    11003: Proof.LOGIN,
    11004: Proof.LOGOUT,  # deliberate or not
    11005: Proof.NOTHING,  # init finished: the login comes by itself
    11006: Proof.NOTHING,  # heartbeat error: does not log out since 2.6.9
    11007: Proof.LOGOUT,  # session timeout
    11008: Proof.NOTHING,  # login failed: ends no session
    11009: Proof.NOTHING,  # contacts are in step
    11010: Proof.RECORDS,
    11011: Proof.LOGOUT,  # login on another device, which takes the session (R-P9)
    11012: Proof.NOTHING,  # safety check of a login: ends no session
    11013: Proof.RECORDS,  # a batch; either may have the form of the other
}
"""A type that is missing here is stored raw, and proves nothing."""

MESSAGE_TYPES: Final = tuple(number for number, proof in NOTIFY_TYPES.items() if proof is Proof.RECORDS)


def proof_of(notify_type: int) -> Proof:
    """What a callback of this type proves."""
    return NOTIFY_TYPES.get(notify_type, Proof.NOTHING)
