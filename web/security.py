"""Access to the server: host, origin, token and rate of requests; headers of responses."""

from __future__ import annotations

import hmac
from collections import OrderedDict, deque
from http.cookies import CookieError, SimpleCookie
from time import monotonic
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .settings import ServerSettings, is_loopback

__all__ = ["AccessControl"]

_COOKIE = "galpipe-token"
_CLIENTS = 10_000  # whose requests are counted
_MINUTE = 60.0
_OPEN = ("/api/health",)  # without a token
_CHANGES = ("POST", "PUT", "DELETE", "PATCH")

_HEADERS = {
    "Content-Security-Policy": (
        # The hash is that of the style with which OpenSeadragon marks the focus.
        "default-src 'self'; img-src 'self' blob: data:; "
        "style-src 'self' 'sha256-9xTiqzfwFaL2SGb1rmr8gysEwVVjIvqWAgmZgqFqpEE='; "
        "object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class AccessControl:
    """Middleware that refuses requests from elsewhere and sets the headers of responses.

    Without a token, a request must name this machine as its host: a page elsewhere whose name is
    made to point to 127.0.0.1 (DNS rebinding) cannot.  A request that changes something must come
    from a page of the same host.  No header allows other origins (CORS).

    Parameters
    ----------
    app : ASGI application
        The application.
    settings : ServerSettings
        Token and rate.
    """

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self._app, self._token = app, settings.token
        self._most = settings.max_requests
        self._requests: OrderedDict[str, deque[float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request; see the ASGI specification.

        Parameters
        ----------
        scope, receive, send
            As in the ASGI specification.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
            await send(message)

        answer = self._refusal(scope)
        await (answer or self._app)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._token is None and not is_loopback(_name(host)):
            return _problem(
                400,
                "This server answers to 127.0.0.1 and localhost only. Start it with --token to "
                "reach it by another name.",
            )
        changes = scope["method"] in _CHANGES
        origin = headers.get("origin")
        if changes and origin is not None and urlsplit(origin).netloc != host:
            return _problem(403, "Requests of other web pages are refused.")
        if self._token is not None and scope["path"] not in _OPEN:
            refusal = self._without_token(scope, headers)
            if refusal is not None:
                return refusal
        if changes and not self._counted((scope.get("client") or ("",))[0]):
            return _problem(
                429,
                f"More than {self._most} requests in a minute. Wait a little.",
                {"Retry-After": "30"},
            )
        return None

    def _without_token(self, scope: Scope, headers: Headers) -> Response | None:
        """Return the answer to a request that lacks the token, or brings it in its address."""
        token = self._token or ""
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and _same(bearer.strip(), token):
            return None
        if _same(_cookie(headers), token):
            return None
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if scope["method"] == "GET" and _same(query.pop("token", [""])[0], token):
            # Once in a cookie, the token is in no address that is shown, kept or passed on.
            rest = f"?{urlencode(query, doseq=True)}" if query else ""
            answer = RedirectResponse("/" + scope["path"].lstrip("/") + rest, 303)
            secure = scope.get("scheme") == "https"
            answer.set_cookie(_COOKIE, token, httponly=True, samesite="strict", secure=secure)
            return answer
        return _problem(
            401,
            "This server needs its token: open its address with ?token=... at the end.",
            {"WWW-Authenticate": "Bearer"},
        )

    def _counted(self, client: str) -> bool:
        """Count a request of a client; return whether it is allowed."""
        now = monotonic()
        times = self._requests.setdefault(client, deque())
        self._requests.move_to_end(client)
        while len(self._requests) > _CLIENTS:
            self._requests.popitem(last=False)
        while times and now - times[0] > _MINUTE:
            times.popleft()
        if len(times) >= self._most:
            return False
        times.append(now)
        return True


def _name(host: str) -> str:
    """Return the name in a host header, without the port."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(_COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())


def _problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"detail": detail}, status, headers)
