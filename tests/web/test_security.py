from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from galpipe.errors import ConfigError
from galpipe.web.settings import ServerSettings

from .conftest import Server, running

TOKEN = "a secret; with=signs"


@pytest.fixture(scope="module")
def guarded(settings: Callable[..., ServerSettings]) -> Iterator[Server]:
    with running(settings(token=TOKEN, max_requests=5)) as started:
        yield started


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_another_host_is_refused(server: Server, host: str) -> None:
    answer = server.client.get("/api/runs", headers={"host": host})
    assert answer.status_code == 400
    assert "--token" in answer.json()["detail"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9", "[::1]:8000"])
def test_this_machine_is_known_by_its_names(server: Server, host: str) -> None:
    assert server.client.get("/api/runs", headers={"host": host}).status_code == 200


def test_pages_of_others_change_nothing(server: Server) -> None:
    headers = {"origin": "https://evil.example"}
    assert server.client.post("/api/jobs", json={}, headers=headers).status_code == 403
    assert server.client.put("/api/uploads?name=a", headers=headers).status_code == 403
    answer = server.client.get("/api/runs", headers=headers)
    assert "access-control-allow-origin" not in answer.headers
    own = {"origin": server.address}
    assert server.client.post("/api/jobs", json={}, headers=own).status_code == 422


def test_headers_of_every_response(server: Server) -> None:
    for path in ("/", "/api/runs", "/api/none", "/none"):
        headers = server.client.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/../setup.cfg",
        "/%2e%2e/settings.py",
        "/..%2fsettings.py",
        "/assets/../../settings.py",
        "//etc/passwd",
        "/api/runs/{run}/fields/0/crops/..%2f..%2frun.json.png",
        "/api/runs/{run}/fields/0/crops/%2e%2e.png",
        "/api/runs/{run}/catalogue../run.json",
    ],
)
def test_no_path_leaves_its_folder(server: Server, path: str) -> None:
    run = server.client.get("/api/runs").json()[0]["id"]
    assert server.client.get(path.format(run=run)).status_code in (404, 405), path


def test_other_machines_need_a_token() -> None:
    with pytest.raises(ConfigError, match="--token"):
        ServerSettings(host="0.0.0.0")
    assert ServerSettings(host="0.0.0.0", token="secret").token


def test_a_token_is_asked_for_everywhere_but_for_health(guarded: Server) -> None:
    client = guarded.client
    assert client.get("/api/health").status_code == 200
    for path in ("/", "/api/runs", "/api/openapi.json", "/api/runs?token=wrong"):
        assert client.get(path).status_code == 401, path
    bearer = {"authorization": f"Bearer {TOKEN}"}
    assert client.get("/api/runs", headers=bearer).status_code == 200
    # Behind a proxy, the server has another name.
    proxied = {"host": "lab.example.org", **bearer}
    assert client.get("/api/runs", headers=proxied).status_code == 200


def test_a_token_in_the_address_becomes_a_cookie(guarded: Server) -> None:
    answer = guarded.client.get(f"{guarded.address}//evil.example/", params={"token": TOKEN})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/evil.example/"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    stored = {"cookie": cookie.partition("; ")[0]}
    guarded.client.cookies.clear()
    assert guarded.client.get("/api/runs", headers=stored).status_code == 200


def test_requests_are_counted(guarded: Server) -> None:
    bearer = {"authorization": f"Bearer {TOKEN}"}
    answers = [guarded.client.post("/api/jobs", json={}, headers=bearer) for _ in range(7)]
    codes = [answer.status_code for answer in answers]
    assert codes[0] == 422
    assert codes[-1] == 429
    assert answers[-1].headers["retry-after"]
    assert guarded.client.get("/api/runs", headers=bearer).status_code == 200
