"""What travels, as AsyncAPI 3.0 tells it: for each event a channel, a message, its schema, who sends and who hears."""

from typing import Any

import yaml
from pydantic.json_schema import models_json_schema

from shared.events import EVENTS, PREFIX, VERSION, Event, PostDue

Tree = dict[str, Any]

EMITTERS = {
    "post.requested": "ingest",
    "post.cancelled": "ingest",
    "post.approved": "policy",
    "post.refused": "policy",
    "post.review_requested": "policy",
    "post.measured": "metrics",
}
"""Who sends an event; whatever is not named here is publisher's."""
OTHERWISE = "publisher"
SERVICES = ("ingest", "policy", "publisher", "metrics")


def asyncapi() -> str:
    """Return docs/asyncapi.yaml."""
    _, schemas = models_json_schema(
        [(event, "validation") for event in EVENTS], ref_template="#/components/schemas/{model}"
    )
    page: Tree = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Carillon's events",
            "version": "1",
            "description": "CloudEvents 1.0 in binary mode over AMQP 0-9-1, in JSON. "
            "This page is made by `python -m deploy.docs asyncapi`.",
        },
        "defaultContentType": "application/json",
        "channels": {event.name: _channel(event) for event in EVENTS},
        "operations": _operations(),
        "components": {
            "messages": {event.name: _message(event) for event in EVENTS},
            "messageTraits": {"cloudevent": {"headers": _headers()}},
            "schemas": schemas["$defs"],
        },
    }
    return yaml.safe_dump(page, sort_keys=False, allow_unicode=True, width=120)


def _channel(event: type[Event]) -> Tree:
    channel: Tree = {
        "address": event.name,
        "title": _title(event),
        "messages": {event.name: {"$ref": f"#/components/messages/{event.name}"}},
        "bindings": {"amqp": {"is": "routingKey"}},
    }
    if event is PostDue:
        channel |= {
            "address": f"{event.name}.{{platform}}",
            "parameters": {"platform": {"description": "One a platform."}},
        }
    return channel


def _operations() -> Tree:
    """Return one operation for each event and service that sends or hears it."""
    operations: Tree = {}
    for event in EVENTS:
        emitter = emitter_of(event)
        operations[f"{emitter}.sends.{event.name}"] = _operation(event, "send")
        for service in event.heard_by or (emitter,):
            operations[f"{service}.hears.{event.name}"] = _operation(event, "receive")
    return operations


def emitter_of(event: type[Event]) -> str:
    """Return the service that sends an event."""
    return EMITTERS.get(event.name, OTHERWISE)


def _operation(event: type[Event], action: str) -> Tree:
    return {"action": action, "channel": {"$ref": f"#/channels/{event.name}"}}


def _message(event: type[Event]) -> Tree:
    return {
        "name": PREFIX + event.name + VERSION,
        "title": event.__name__,
        "summary": _title(event),
        "contentType": "application/json",
        "traits": [{"$ref": "#/components/messageTraits/cloudevent"}],
        "payload": {"$ref": f"#/components/schemas/{event.__name__}"},
    }


def _title(event: type[Event]) -> str:
    return (event.__doc__ or event.name).splitlines()[0]


def _headers() -> Tree:
    text: Tree = {"type": "string"}
    return {
        "type": "object",
        "required": ["ce-specversion", "ce-id", "ce-type", "ce-source", "ce-subject", "ce-time", "ce-sequence"],
        "properties": {
            "ce-specversion": {"const": "1.0"},
            "ce-id": text | {"format": "uuid"},
            "ce-type": text,
            "ce-source": text | {"description": "`/carillon/` and the service that emits it."},
            "ce-subject": text | {"description": "The post's id, a hold's id or a channel."},
            "ce-time": text | {"format": "date-time"},
            "ce-sequence": text | {"description": "Counts up per emitter; digits."},
            "traceparent": text | {"description": "The W3C trace of the request that led to it."},
        },
    }
