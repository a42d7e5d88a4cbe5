"""The vendor's forms of a message: `msg_data` in the answer, one object in a callback.

Captured or documented: the field sets, base64 twice around `appinfo` and once around `sendername` in the answer, the
protobuf of a text's and an image's `content`, content types 2, 14 and 2001. Invented, since there is no sample: the other
content types, the `content` of other kinds, the media fields of callbacks, the whole form of a recall's callback.
"""

import base64

import msgspec

from wework_message.simulator.accounts import Conversation
from wework_message.simulator.instances import Instance
from wework_message.simulator.options import EchoForm
from wework_message.simulator.sends import READ_MARK, RECALL, SENDS

Json = dict[str, object]

FLAG_RECALL = 32
FLAG_SEND_FAIL = 4_194_304

_TEXT_PATHS = frozenset({"/msg/send_text", "/msg/send_room_at", "/msg/send_quote_msg"})

KINDS: dict[str, tuple[int, int]] = {
    **{path: (send.content_type, send.msg_type) for path, send in SENDS.items()},
    READ_MARK: (2001, 1012),
    RECALL: (2, 1),
}
"""Path -> (raw content type, normalised msg_type). The first is known only for 2, 14 and 2001, invented else."""


_SHOWN: dict[str, dict[str, str]] = {
    path: {name: sent.get(name, name) for name in names.split()}
    for path, names, sent in (
        ("/msg/send_image", "file_id size aes_key md5 image_width image_height", {}),
        ("/msg/send_video", "file_id size aes_key md5 file_name video_duration video_width video_height", {}),
        ("/msg/send_big_video", "file_id size md5 file_name video_duration", {}),
        ("/msg/send_file", "file_id size aes_key md5 file_name", {}),
        ("/msg/send_voice", "file_id size aes_key md5 voice_time", {}),
        ("/msg/send_gif", "file_id size aes_key md5 url image_width image_height", {}),
        ("/msg/send_gif_url", "md5 url image_width image_height", {}),
        ("/msg/send_link", "title desc url image_url", {"desc": "description"}),
        ("/msg/send_location", "longitude latitude address title zoom", {}),
        ("/msg/send_weapp", "username appid appname appicon title page_path", {}),
        ("/msg/send_personal_card", "user_id", {}),
        ("/msg/send_feed_video", "feed_type cover_url thumb_url avatar nickname desc url extras", {}),
        (
            "/msg/send_feed_live",
            "feed_type cover_url thumb_url avatar nickname desc url extras object_id object_nonce_id",
            {},
        ),
    )
}
"""Path -> fields of its record, each with the field of the send that it shows. Documented: `file_id` and `aes_key` of media,
the size of pictures. The rest is assumed to be spelled as in items of quotes and merged records, else as in the send.
Records of merged records and of products show nothing that is known.
"""


class Record(msgspec.Struct, frozen=True):
    """One entry in an account's message stream: a send, a read mark or a recall."""

    path: str
    instance: Instance
    conversation: Conversation
    body: Json
    id: str
    seq: str
    sendtime: int
    appinfo: str
    flag: int = 0


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte, protobuf's varint
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def appinfo(path: str, at_ns: int, random_bits: int) -> str:
    """The callback's appinfo: base64 of fields 1 constant, 2 seconds, 3 nanoseconds (messages only), 4 random 32 bits."""
    constant = 3 if path == READ_MARK else 5
    moment = _number(2, at_ns // 1_000_000_000) + (b"" if path == READ_MARK else _number(3, at_ns))
    return _base64(_number(1, constant) + moment + _number(4, random_bits & 0xFFFFFFFF))


def _text(value: object) -> bytes:
    return str(value).encode("utf-8", "surrogatepass")


def _integer(value: object) -> int:
    return max(value, 0) if isinstance(value, int) else 0


def _content(path: str, body: Json) -> str:
    if path in _TEXT_PATHS:
        return _base64(_bytes(1, _number(1, 0) + _bytes(2, _bytes(1, _text(body.get("content", ""))))))
    if path == READ_MARK:
        return "CAAQAA=="
    if path == "/msg/send_image":
        return _base64(_image(body))
    return _base64(_bytes(1, _text(path.rpartition("_")[2])))


def _image(body: Json) -> bytes:
    size = _integer(body.get("size"))
    return (
        _bytes(1, _text(body.get("file_id", "")))
        + _bytes(2, _text(body.get("aes_key", "")))
        + _number(4, size)
        + _number(5, _integer(body.get("image_width")))
        + _number(6, _integer(body.get("image_height")))
        + _bytes(10, _text(body.get("md5", "")))
        + _number(19, size)
    )


def msg_data(record: Record) -> Json:
    """The answer's `msg_data`, in the order of the captured one."""
    rooms = record.conversation.roomid != "0"
    return {
        "id": record.id,
        "seq": record.seq,
        "messagetype": 4 if rooms else 0,
        "sender": record.instance.account.user_id,
        "receiver": record.conversation.receiver,
        "roomid": record.conversation.roomid,
        "contenttype": KINDS[record.path][0],
        "content": _content(record.path, record.body),
        "sendtime": record.sendtime,
        "flag": record.flag & ~FLAG_SEND_FAIL,
        "devinfo": "0" if record.path == READ_MARK else "131075",
        "appinfo": _base64(record.appinfo.encode("ascii")),
        "sendername": _base64(_text(record.instance.account.name)),
        "extra_content": _base64(b"answer " + record.id.encode("ascii")),
        "asid": record.conversation.asid,
    }


def _callback_content(record: Record) -> Json:
    body = record.body
    if record.path in _TEXT_PATHS:
        quote = record.path == "/msg/send_quote_msg"
        at_list = body.get("at_list", [])
        return {
            "content": body.get("content", ""),
            "at_list": [str(member) for member in at_list] if isinstance(at_list, list) else [],
            "quote_content": body.get("quote", "") if quote else "",
            "quote_appinfo": body.get("appinfo", "") if quote else "",
        }
    return {name: body[sent] for name, sent in _SHOWN.get(record.path, {}).items() if sent in body}


def callback_object(record: Record, form: EchoForm) -> Json:
    """One message of an `11010` or `11013` callback, in the order of the sample and the capture."""
    head: Json = {
        "seq": record.seq,
        "id": record.id,
        "appinfo": record.appinfo,
        "sender": record.instance.account.user_id,
        "receiver": record.conversation.receiver,
        "roomid": record.conversation.roomid,
        "sendtime": record.sendtime,
        "sender_name": record.instance.account.name,
        "content_type": KINDS[record.path][0],
        "referid": record.body.get("msgid", "0") if record.path == RECALL else "0",
        "flag": record.flag,
    }
    if form == "11013":
        head["asid"] = record.conversation.asid
        read = record.path == READ_MARK
        head["extra_content"] = "" if read else _base64(b"callback " + record.id.encode("ascii"))
    content = {} if record.path == RECALL else _callback_content(record)
    return {**head, **content, "send_flag": 0 if record.path == READ_MARK else 1, "msg_type": KINDS[record.path][1]}


def success(data: Json) -> Json:
    """The documented success envelope."""
    return {"error_code": 0, "error_message": "ok", "data": data}


def failure(code: int, text: str = "") -> Json:
    """The captured failure envelope: text after a fixed head, and an empty `data`."""
    return {"error_code": code, "error_message": f"head rsp code error, error_msg: {text}", "data": {}}
