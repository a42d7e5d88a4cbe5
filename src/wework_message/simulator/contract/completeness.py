"""What the simulator demands in addition to the vendor's lax schemas.

Most send schemas require only `guid`, so an incomplete message reaches WeCom instead of being refused
(P-2). A client that counts on that is wrong; unless `lenient` is set, a send is refused with 422 when a field without
which its message makes no sense is absent or empty. A number is never empty: 0 is a value.
"""

from wework_message.simulator.contract.endpoints import Contract, Problem, check_request, contract, missing
from wework_message.simulator.contract.items import check_item, check_items
from wework_message.simulator.sends import SENDS

BIG_FILE_BYTES = 20_000_000
"""Above this many bytes a file has no aes_key ("larger than 20M"; the vendor does not say which M)."""

_EMPTY: tuple[object, ...] = ("", [], {})


def _needed(path: str, body: dict[str, object]) -> tuple[str, ...]:
    names = SENDS[path].needed
    size = body.get("size")
    if path == "/msg/send_file" and isinstance(size, int) and size <= BIG_FILE_BYTES:
        return (*names, "aes_key")
    return names


def check_needed(path: str, body: dict[str, object]) -> list[Problem]:
    """Fields that this send needs and that are absent or empty; the body has passed the vendor's schema."""
    problems: list[Problem] = []
    for name in _needed(path, body):
        if name not in body:
            problems.append(missing(("body", name)))
        elif body[name] in _EMPTY:
            problems.append(Problem(("body", name), "must not be empty", "value_error.simulator.empty"))
    if path == "/msg/send_forward_msg":
        _check_sender_names(body["message_list"], problems)
    return problems


def _check_sender_names(items: object, problems: list[Problem]) -> None:
    if isinstance(items, list):
        for position, item in enumerate(items):
            if item.get("sender_name") == "":
                loc = ("body", "message_list", position, "sender_name")
                problems.append(Problem(loc, "must not be empty", "value_error.simulator.empty"))


def check_message_items(contract: Contract, path: str, body: dict[str, object]) -> list[Problem]:
    """What the item table refuses in a quote or a merged record; nothing for any other path."""
    problems: list[Problem] = []
    if path == "/msg/send_forward_msg" and "message_list" in body:
        check_items(contract, body["message_list"], ("body", "message_list"), problems)
    elif path == "/msg/send_quote_msg" and "message" in body:
        check_item(contract, body["message"], ("body", "message"), problems, author=False)
    return problems


def check_body(path: str, body: dict[str, object], *, inline_required: bool, lenient: bool) -> list[Problem]:
    """Every problem in the body of one call: the vendor's schema first, then the items, then what is needed."""
    problems = check_request(contract().endpoints[path], body, inline_required=inline_required)
    if not problems:
        problems = check_message_items(contract(), path, body)
    if not problems and path in SENDS and not lenient:
        problems = check_needed(path, body)
    return problems
