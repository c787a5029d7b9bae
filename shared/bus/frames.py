"""The few AMQP 0-9-1 frames that every message needs, written and read directly.

pamqp, which describes the whole protocol by attributes, takes several times as long for them. The bytes are those of
https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf, §2.3.5 and §4.2; a test compares each with pamqp's.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from struct import Struct
from typing import Any, NamedTuple

from pamqp.header import ContentHeader

from shared.bus.contract import Death, Message

METHOD, HEADER, BODY = 1, 2, 3
END = b"\xce"
HEAD = Struct(">BHI")
"""A frame's kind, channel and size; the payload and `END` follow."""
FRAMING = HEAD.size + len(END)
HEARTBEAT = HEAD.pack(8, 0, 0) + END

DELIVER, RETURN, ACK, NACK = b"\x00\x3c\x00\x3c", b"\x00\x3c\x00\x32", b"\x00\x3c\x00\x50", b"\x00\x3c\x00\x78"
CHANNEL_CLOSE, CHANNEL_CLOSE_OK = b"\x00\x14\x00\x28", b"\x00\x14\x00\x29"
_PUBLISH, _REJECT = b"\x00\x3c\x00\x28", b"\x00\x3c\x00\x5a"

_BASIC = 60
_LONG_STRING = ord("S")
_PERSISTENT = b"\x02"
_MANDATORY = b"\x01"
_CONTENT_TYPE = b"\x10application/json"
_CONTENT_TYPE_HEADERS_MODE_AND_ID = 1 << 15 | 1 << 13 | 1 << 12 | 1 << 7
_CONTENT = Struct(">HHQH")
_CONFIRM = Struct(">QB")
_SIZE = Struct(">I")


class Delivered(NamedTuple):
    """What `Basic.Deliver` says."""

    tag: int
    redelivered: bool
    routing_key: str


class Content(NamedTuple):
    """What a content header says: bytes of body to come, and the properties that we use."""

    size: int
    message_id: str
    headers: Mapping[str, str]
    death: Death | None = None
    """The last one, of a dead letter."""


def publishing(channel: int, frame_max: int, exchange: str, message: Message) -> bytes:
    """Return the frames of a mandatory, persistent JSON message; raises ValueError for a name over 255 bytes."""
    table = b"".join([_entry(name, value) for name, value in message.headers.items()])
    properties = (_CONTENT_TYPE, _SIZE.pack(len(table)), table, _PERSISTENT, _short(message.id))
    header = _CONTENT.pack(_BASIC, 0, len(message.body), _CONTENT_TYPE_HEADERS_MODE_AND_ID) + b"".join(properties)
    part = frame_max - FRAMING
    bodies = [message.body[at : at + part] for at in range(0, len(message.body), part)]
    return b"".join(
        [
            _publish(channel, exchange, message.routing_key),
            _frame(HEADER, channel, header),
            *[_frame(BODY, channel, body) for body in bodies],
        ]
    )


def ack(channel: int, tag: int, *, multiple: bool) -> bytes:
    """Return the frame that acks a delivery, or all up to it."""
    return _frame(METHOD, channel, ACK + _CONFIRM.pack(tag, multiple))


def reject(channel: int, tag: int, *, requeue: bool) -> bytes:
    """Return the frame that gives one delivery back."""
    return _frame(METHOD, channel, _REJECT + _CONFIRM.pack(tag, requeue))


def read_deliver(payload: bytes) -> Delivered:
    """Read `Basic.Deliver`: consumer tag, delivery tag, redelivered, exchange, routing key."""
    at = 5 + payload[4]
    tag, redelivered = _CONFIRM.unpack_from(payload, at)
    at += _CONFIRM.size
    at += 1 + payload[at]
    return Delivered(tag, bool(redelivered & 1), payload[at + 1 :].decode(errors="replace"))


def read_confirm(payload: bytes) -> tuple[int, bool]:
    """Read `Basic.Ack` or `Basic.Nack`: the tag, and whether it stands for all up to it."""
    tag, bits = _CONFIRM.unpack_from(payload, 4)
    return tag, bool(bits & 1)


def read_content(payload: bytes) -> Content:
    """Read a content header; headers that are not texts are left out.

    What cannot be read at all has none: its body still comes, and must not end the connection, on which it would come
    again and again.
    """
    _, _, size, flags = _CONTENT.unpack_from(payload)
    try:
        if flags == _CONTENT_TYPE_HEADERS_MODE_AND_ID:
            start = _CONTENT.size + 1 + payload[_CONTENT.size] + _SIZE.size
            end = start + _SIZE.unpack_from(payload, start - _SIZE.size)[0]
            if (headers := _texts(payload, start, end)) is not None:
                return Content(size, payload[end + 2 :].decode(errors="replace"), headers)
        return _read_any_content(payload)
    except (ValueError, OverflowError, OSError):
        return Content(size, "", {})


def _texts(payload: bytes, at: int, end: int) -> dict[str, str] | None:
    """Read a table of texts, such as we send; None when there is something else in it."""
    texts = {}
    try:
        while at < end:
            value = at + 1 + payload[at]
            if payload[value] != _LONG_STRING:
                return None
            (size,) = _SIZE.unpack_from(payload, value + 1)
            texts[payload[at + 1 : value].decode()] = payload[value + 5 : value + 5 + size].decode()
            at = value + 5 + size
    except UnicodeDecodeError:
        return None
    return texts


def _read_any_content(payload: bytes) -> Content:
    # A redelivery has a counter among its headers, a dead letter its history, and others publish in other forms.
    header = ContentHeader()
    header.unmarshal(payload)
    table: Mapping[str, Any] = header.properties.headers or {}
    texts = {name: value for name, value in table.items() if isinstance(value, str)}
    return Content(header.body_size, header.properties.message_id or "", texts, _last_death(table.get("x-death")))


def _last_death(deaths: Any) -> Death | None:
    """Read what the broker wrote down about a dead letter: https://www.rabbitmq.com/docs/dlx#effects."""
    match deaths:
        case [{"reason": str(reason), "routing-keys": [str(key), *_], "time": datetime() as at}, *_]:
            return Death(reason, key, at)
    return None


@lru_cache(maxsize=256)
def _publish(channel: int, exchange: str, routing_key: str) -> bytes:
    # The same for every message of a kind.
    return _frame(METHOD, channel, _PUBLISH + b"\x00\x00" + _short(exchange) + _short(routing_key) + _MANDATORY)


def _frame(kind: int, channel: int, payload: bytes) -> bytes:
    return HEAD.pack(kind, channel, len(payload)) + payload + END


def _entry(name: str, value: str) -> bytes:
    encoded = value.encode()
    return _name(name) + _SIZE.pack(len(encoded)) + encoded


@lru_cache(maxsize=256)
def _name(name: str) -> bytes:
    # A handful of names, each encoded once.
    return _short(name) + bytes((_LONG_STRING,))


def _short(text: str) -> bytes:
    encoded = text.encode()
    if len(encoded) > 255:
        raise ValueError(f"{text[:32]!r}… is longer than the 255 bytes that AMQP has for it")
    return bytes((len(encoded),)) + encoded
