"""The gate of one platform: reads a call, lets the platform do it, fails it where a fault is armed, writes it down."""

import asyncio
import re
import socket
import struct

from starlette.types import Message, Receive, Scope, Send

from deploy.sandbox.faults import Fault
from deploy.sandbox.ledger import CALLED
from deploy.sandbox.quotas import ExhaustedError
from deploy.sandbox.wire import JSON_LIMIT, Answer, Call, Headers, MalformedError, Platform, RefusedError, Route
from deploy.sandbox.world import World


class Gate:
    """One platform as an ASGI application, mounted at its name."""

    def __init__(self, platform: Platform, world: World) -> None:
        self._platform = platform
        self._world = world
        self._fixed: dict[str, dict[str, Route]] = {}
        self._patterns: list[tuple[re.Pattern[str], Route]] = []
        for route in platform.routes:
            if "{" in route.path:
                self._patterns.append((_pattern(route.path), route))
            else:
                self._fixed.setdefault(route.path, {})[route.method] = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        CALLED.set(self._world.now())
        call = self._call(scope)
        route, refusal = self._find(call)
        limit = route.body_limit if route else JSON_LIMIT
        body = await _read(receive, limit)
        if body is None:
            refusal = refusal or self._platform.refusals.too_large(call, limit)
        else:
            call.body = body
        answer, fault = await self._serve(call, route, refusal)
        self._note(call, answer, fault)
        await _finish(answer, fault, scope, receive, send)

    def _call(self, scope: Scope) -> Call:
        headers: Headers = scope["headers"]
        root = scope.get("root_path", "")
        host = next((value.decode("latin-1") for key, value in headers if key == b"host"), "localhost")
        origin = self._world.settings.public_url or f"{scope['scheme']}://{host}"
        client = scope.get("client")
        return Call(
            scope["method"],
            scope["path"].removeprefix(root) or "/",
            scope["query_string"],
            headers,
            f"{origin.rstrip('/')}/{self._platform.name}",
            client[0] if client else "",
        )

    def _find(self, call: Call) -> tuple[Route | None, Answer | None]:
        methods = dict(self._fixed.get(call.path, {}))
        if not methods:
            for pattern, route in self._patterns:
                if found := pattern.fullmatch(call.path):
                    call.args = found.groupdict()
                    methods[route.method] = route
        if call.method in methods:
            return methods[call.method], None
        if methods:
            return None, self._platform.refusals.wrong_method(call, ", ".join(methods))
        return None, self._platform.refusals.not_found(call)

    async def _serve(self, call: Call, route: Route | None, refusal: Answer | None) -> tuple[Answer, Fault | None]:
        faults, name = self._world.faults, self._platform.name
        if fault := faults.before(name, call.method, call.path):
            return self._refuse(call, fault), fault
        if refusal or route is None:
            return refusal or self._platform.refusals.not_found(call), None
        answer = await self._act(call, route)
        if answer.status >= 400:
            return answer, None
        fault = faults.after(name, call.method, call.path, published=call.published > 0)
        if fault and fault.kind == "accept_then_500":
            answer = self._platform.refusals.broken(call)
        return answer, fault

    async def _act(self, call: Call, route: Route) -> Answer:
        try:
            answer = await route.handler(call)
        except RefusedError as refused:
            answer = refused.answer
        except MalformedError as error:
            answer = self._platform.refusals.malformed(call, str(error))
        except RecursionError:
            answer = self._platform.refusals.malformed(call, "nested too deeply")
        except ExhaustedError as exhausted:
            answer = self._platform.refusals.rate_limited(call, exhausted.standing)
            call.notes = []
        answer.headers += call.notes
        return answer

    def _refuse(self, call: Call, fault: Fault) -> Answer:
        refusals = self._platform.refusals
        if fault.kind == "rate_limit":
            standing = self._world.quotas.pretend_exhausted(self._platform.name, fault.seconds)
            return refusals.rate_limited(call, standing)
        return refusals.expired(call) if fault.kind == "expired_token" else refusals.broken(call)

    def _note(self, call: Call, answer: Answer, fault: Fault | None) -> None:
        unsent = fault is not None and fault.kind in ("accept_then_stall", "accept_then_reset")
        self._world.traffic.note(
            self._platform.name,
            self._world.now(),
            (call.method, call.path, call.query, call.headers, call.body),
            status=0 if unsent else answer.status,
            fault=fault.kind if fault else None,
        )


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", path)
    return re.compile("".join(f"(?P<{p}>[^/]+)" if i % 2 else re.escape(p) for i, p in enumerate(parts)))


async def _read(receive: Receive, limit: int) -> bytes | None:
    message = await receive()
    if not message.get("more_body"):
        whole: bytes = message.get("body", b"")
        return whole if len(whole) <= limit else None
    chunks, size = [], 0
    while True:
        size += len(message.get("body", b""))
        if size <= limit:
            chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks) if size <= limit else None
        message = await receive()


async def _finish(answer: Answer, fault: Fault | None, scope: Scope, receive: Receive, send: Send) -> None:
    if fault and fault.kind == "accept_then_reset":
        await _reset(receive, send)
        return
    if fault and fault.kind == "accept_then_stall" and await _gone_within(receive, fault.seconds):
        return
    length = str(len(answer.body)).encode()
    headers = [(b"content-length", length), *answer.headers]
    if answer.body:
        headers.append((b"content-type", answer.media_type))
    start: Message = {"type": "http.response.start", "status": answer.status, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})


async def _gone_within(receive: Receive, seconds: float) -> bool:
    """Wait; say whether the caller hung up before the time was over."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True


async def _reset(receive: Receive, send: Send) -> None:
    """Cut the connection with a TCP reset; on a server that hides its transport, break off an announced answer."""
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if not isinstance(transport, asyncio.Transport):
        await send({"type": "http.response.start", "status": 502, "headers": [(b"content-length", b"1")]})
        return
    if sock := transport.get_extra_info("socket"):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
