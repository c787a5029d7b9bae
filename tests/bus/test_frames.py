"""The frames that we write and read ourselves, beside pamqp's, and beside the broker's in all the other tests."""

from datetime import UTC, datetime

import pamqp.frame
import pytest
from pamqp import body, commands, header
from pamqp.common import FieldTable

from shared.bus import frames
from shared.bus.contract import Death, Message

MESSAGE = Message(
    "id-1", "post.one", b"0123456789", {"ce-id": "id-1", "ce-source": "/é/€", "empty": "", "x" * 128: "y"}
)


def theirs(*parts: pamqp.frame.FrameTypes) -> bytes:
    return b"".join(pamqp.frame.marshal(part, 7) for part in parts)


def properties(message: Message) -> commands.Basic.Properties:
    return commands.Basic.Properties(
        content_type="application/json", headers=dict(message.headers), delivery_mode=2, message_id=message.id
    )


@pytest.mark.parametrize("size", [0, 1, 4088, 4089, 20_000])
def test_publishing(size: int) -> None:
    message = Message(MESSAGE.id, MESSAGE.routing_key, b"x" * size, {"ce-source": "/é/€", "empty": ""})
    parts = [body.ContentBody(message.body[at : at + 4088]) for at in range(0, size, 4088)]
    assert frames.publishing(7, 4096, "an.exchange", message) == theirs(
        commands.Basic.Publish(exchange="an.exchange", routing_key="post.one", mandatory=True),
        header.ContentHeader(properties=properties(message), body_size=size),
        *parts,
    )


@pytest.mark.parametrize(
    "wrong", [Message("x" * 256, "k", b""), Message("i", "€" * 86, b""), Message("i", "k", b"", {"é" * 128: ""})]
)
def test_a_name_that_amqp_cannot_carry_is_an_error(wrong: Message) -> None:
    with pytest.raises(ValueError, match="255 bytes"):
        frames.publishing(7, 4096, "e", wrong)


@pytest.mark.parametrize("flag", [False, True])
def test_settling(flag: bool) -> None:
    assert frames.ack(7, 2**40, multiple=flag) == theirs(commands.Basic.Ack(2**40, flag))
    assert frames.reject(7, 5, requeue=flag) == theirs(commands.Basic.Reject(5, flag))


@pytest.mark.parametrize("redelivered", [False, True])
def test_reading_a_delivery(redelivered: bool) -> None:
    frame = theirs(commands.Basic.Deliver("a consumer", 2**40, redelivered, "an.exchange", "post.é"))
    assert frames.read_deliver(payload(frame)) == (2**40, redelivered, "post.é")


@pytest.mark.parametrize("multiple", [False, True])
def test_reading_a_confirm(multiple: bool) -> None:
    assert frames.read_confirm(payload(theirs(commands.Basic.Ack(9, multiple)))) == (9, multiple)
    assert frames.read_confirm(payload(theirs(commands.Basic.Nack(9, multiple, requeue=True)))) == (9, multiple)


@pytest.mark.parametrize(
    "given",
    [
        properties(MESSAGE),
        commands.Basic.Properties(),
        commands.Basic.Properties(message_id="only"),
        commands.Basic.Properties(headers={}, message_id=""),
        commands.Basic.Properties(
            content_type="text/plain",
            content_encoding="gzip",
            headers={"a": "b"},
            delivery_mode=1,
            priority=3,
            correlation_id="c",
            reply_to="r",
            expiration="60000",
            message_id="i",
            message_type="t",
            user_id="u",
            app_id="p",
        ),
        commands.Basic.Properties(
            headers={"ce-id": "i", "x-delivery-count": 3, "x-death": [{"count": 1, "queue": "q"}], "ce-type": "t"},
            message_id="i",
        ),
    ],
)
def test_reading_a_content_header(given: commands.Basic.Properties) -> None:
    frame = theirs(header.ContentHeader(properties=given, body_size=2**33))
    texts = {name: value for name, value in (given.headers or {}).items() if isinstance(value, str)}
    assert frames.read_content(payload(frame)) == (2**33, given.message_id or "", texts, None)


def test_reading_how_a_dead_letter_died() -> None:
    at = datetime(2026, 3, 1, 9, tzinfo=UTC)
    last: FieldTable = {
        "count": 1,
        "reason": "rejected",
        "queue": "q",
        "time": at,
        "exchange": "e",
        "routing-keys": ["post.one"],
    }
    earlier: FieldTable = {**last, "reason": "delivery_limit", "routing-keys": ["post.two"]}
    given = commands.Basic.Properties(headers={"x-death": [last, earlier], "ce-id": "i"}, message_id="i")
    content = frames.read_content(payload(theirs(header.ContentHeader(properties=given, body_size=2))))
    assert content == (2, "i", {"ce-id": "i"}, Death("rejected", "post.one", at))


def test_a_header_that_is_no_text_does_not_end_the_connection() -> None:
    content = header.ContentHeader(properties=properties(Message("i", "k", b"", {"good": "yes", "bad": "xxxx"})))
    assert frames.read_content(payload(theirs(content)).replace(b"xxxx", b"\xff\xfe\xfd\x00")).headers == {
        "good": "yes"
    }
    spoilt = payload(theirs(content)).replace(b"good", b"\xff\xfe\xfd\xfc")
    assert frames.read_content(spoilt) == (0, "", {}, None)


def payload(frame: bytes) -> bytes:
    """What is between a frame's head and its end."""
    return frame[frames.HEAD.size : -1]
