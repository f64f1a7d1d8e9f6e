"""The binaries as they are deployed, under the Runtime API, against the template's table and secret in moto.

moto is a second DynamoDB, made by others: what these tests show does not rest on the one of the local stack. Events
are those of an HTTP API.
"""

import base64
import copy
import json
import os
import stat
import time
import zipfile
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.request import Request, urlopen

import pytest
from moto_stack import moto_stack
from processes import ROOT, Process
from runtime_api import Function

EVENTS = ROOT / "tests" / "events"
EMAIL, PASSWORD = "ada@example.com", "correct horse"
KEYS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
API, SCOPE = "https://bank.example/api", "transfer:funds"


def deployed(name: str) -> str:
    """What is deployed: the zip of `cargo lambda build`, or a binary."""
    given = os.environ.get(f"{name.upper()}_BINARY")
    return given or str(ROOT / "target" / "lambda" / name / "bootstrap.zip")


@pytest.fixture(scope="module")
def binaries(tmp_path_factory) -> dict[str, str]:
    found = {}
    for name in ("authenticate", "verify"):
        path = deployed(name)
        assert os.path.exists(path), f"{path} is missing: cargo lambda build --release --output-format zip"
        if path.endswith(".zip"):
            folder = tmp_path_factory.mktemp(name)
            with zipfile.ZipFile(path) as archive:
                [entry] = archive.infolist()
                assert entry.filename == "bootstrap"
                assert entry.external_attr >> 16 & stat.S_IXUSR, "bootstrap is not executable"
                path = archive.extract(entry, folder)
            os.chmod(path, 0o755)
        found[name] = path
    return found


class Tenant:
    """The simulated Auth0 tenant."""

    def __init__(self, url: str):
        self.url = url

    def control(self, method: str, path: str, body: dict | None = None):
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}/_tenant{path}", data, {"Content-Type": "application/json"}, method=method)
        with urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def code(self) -> str:
        return self.control("GET", f"/users/{EMAIL}/otp")["code"]


class Page:
    """A browser with its cookie, in front of the two functions."""

    def __init__(self, functions: dict[str, Function]):
        self.functions = functions
        self.cookie = None

    def call(self, function: str, body: dict | None, method: str = "POST") -> tuple[int, dict]:
        captured = {"authenticate": "http-api-sign-in.json", "verify": "http-api-verify.json"}[function]
        event = copy.deepcopy(json.loads((EVENTS / captured).read_text()))
        event["requestContext"]["http"]["method"] = method
        event.pop("cookies", None)
        event.pop("body")
        if self.cookie:
            event["cookies"] = ["theme=dark", f"__Host-mfa_session={self.cookie}"]
        if body is not None:
            event["body"] = json.dumps(body)
        answer = self.functions[function].invoke(event)
        for cookie in answer.get("cookies", []):
            name, value = cookie.split(";")[0].split("=", 1)
            assert name == "__Host-mfa_session"
            self.cookie = value or None
        return answer["statusCode"], json.loads(answer["body"]) if answer.get("body") else {}

    def sign_in(self) -> tuple[int, dict]:
        return self.call("authenticate", {"email": EMAIL, "password": PASSWORD})


@contextmanager
def running(binaries, tmp_path, client_secret: str = "local-secret", credentials: dict | None = None, **parameters: str):
    """Tenant, stack and both functions; the parameters are the template's. `credentials` are AWS's variables in place of
    the keys that Lambda gives."""
    config = tmp_path / "tenant.json"
    config.write_text(
        json.dumps(
            {
                "settings": {"policy": "always_except_refresh", "step_up_scopes": [SCOPE]},
                "applications": [
                    {"client_id": "local-client", "client_secret": "local-secret", "trusts_forwarded_for": True}
                ],
                "apis": [{"identifier": API, "scopes": ["read:accounts", SCOPE]}],
                "users": [{"email": EMAIL, "password": PASSWORD, "factors": [{"type": "otp"}]}],
            }
        )
    )
    given = os.environ.get("AUTH0_TENANT_BINARY")
    command = [given] if given else ["cargo", "run", "--quiet", "--locked", "--package", "auth0-tenant", "--"]
    arguments = ["--port", "0", "--domain", "tenant.eu.auth0.com", "--config", str(config)]
    with ExitStack() as stack:
        tenant = stack.enter_context(Process([*command, *arguments]))
        url = tenant.wait_for(r"Base URL\s+(http://\S+)", 600)[1]
        aws = stack.enter_context(moto_stack(**parameters))
        if client_secret:
            aws.put_secret(client_secret)
        functions = {}
        for name in binaries:
            environment = {**aws.environment(name.title()), "AUTH0_BASE_URL": url}
            if credentials is not None:
                environment = {key: value for key, value in environment.items() if key not in KEYS} | credentials
            functions[name] = stack.enter_context(Function(name, binaries[name], environment))
        yield Page(functions), aws, Tenant(url)


@pytest.fixture
def plain(binaries, tmp_path):
    """With the defaults of the template."""
    with running(binaries, tmp_path) as everything:
        yield everything


@pytest.fixture
def with_step_up(binaries, tmp_path):
    scope = "openid profile email offline_access"
    with running(binaries, tmp_path, Auth0Scope=scope, Auth0Audience=API, StepUpScopes=SCOPE) as everything:
        yield everything


def claims(token: str) -> dict:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def test_sign_in_and_verify(plain):
    page, aws, tenant = plain
    status, answer = page.sign_in()
    assert (status, answer["challenge"]) == (200, {"challenge_type": "otp"}), answer
    [item] = aws.items()
    assert item.keys() == {"id", "pending", "attempts", "pending_until", "expires_at"}
    assert 0 < int(item["expires_at"]) - time.time() <= 300

    wrong = "000000" if tenant.code() != "000000" else "111111"
    status, answer = page.call("verify", {"otp": wrong})
    assert (status, answer["error"], answer["attempts_left"]) == (401, "invalid_code", 4)
    [item] = aws.items()
    assert item["attempts"] == 1 and "busy_until" not in item

    status, answer = page.call("authenticate", None, "GET")
    assert (status, answer["state"], answer["attempts_left"]) == (200, "pending", 4)

    status, answer = page.call("verify", {"otp": tenant.code()})
    assert (status, answer["success"]) == (200, True), answer
    assert answer["token_type"] == "Bearer" and claims(answer["access_token"]) and claims(answer["id_token"])
    assert aws.items() == [] and page.cookie is None


def test_the_conditions_of_a_claim_hold_in_moto_too(plain):
    page, aws, tenant = plain
    page.sign_in()
    cookie = page.cookie
    [item] = aws.items()

    def changed(**attributes):
        page.cookie = cookie
        aws.table.put_item(Item={**item, **attributes})
        status, answer = page.call("verify", {"otp": tenant.code()})
        return status, answer["error"]

    now = int(time.time())
    assert changed(busy_until=(now + 5) * 1000) == (409, "in_progress")
    assert changed(attempts=5) == (401, "session_expired")
    assert changed(expires_at=now - 1) == (401, "session_expired")
    assert changed(pending_until=now - 1) == (401, "session_expired")
    aws.table.delete_item(Key={"id": item["id"]})
    page.cookie = cookie
    assert page.call("verify", {"otp": tenant.code()})[1]["error"] == "session_expired"

    # None of them used the code up; a lease that has run out is nobody's.
    page.cookie = cookie
    aws.table.put_item(Item={**item, "busy_until": (now - 1) * 1000})
    status, answer = page.call("verify", {"otp": tenant.code()})
    assert (status, answer.get("error")) == (200, None)


def test_the_last_wrong_code_ends_the_session(plain):
    page, aws, tenant = plain
    page.sign_in()
    wrong = "000000" if tenant.code() != "000000" else "111111"
    answers = [page.call("verify", {"otp": wrong}) for _ in range(5)]
    assert [status for status, _ in answers] == [401, 401, 401, 401, 429]
    assert answers[-1][1]["error"] == "too_many_attempts"
    assert aws.items() == [] and page.cookie is None


def test_a_rotated_secret_fails_no_sign_in(plain):
    page, aws, tenant = plain
    assert page.sign_in()[0] == 200
    tenant.control("POST", "/applications/local-client/rotate-secret", {"client_secret": "rotated"})
    aws.put_secret('{"client_secret":"rotated"}')
    assert page.sign_in()[0] == 200
    assert page.call("verify", {"otp": tenant.code()})[0] == 200


def test_a_secret_without_a_value_is_named_in_the_log(binaries, tmp_path):
    with running(binaries, tmp_path, client_secret="") as (page, aws, _):
        status, answer = page.sign_in()
        assert (status, answer["error"]) == (503, "store_unavailable")
        page.functions["authenticate"].process.wait_for("AUTH0_CLIENT_SECRET_ID names no secret with a value", 5)
        aws.put_secret("local-secret")
        assert page.sign_in()[0] == 200


def test_credentials_come_from_the_address_that_a_restored_function_finds(binaries, tmp_path):
    asked = []

    class Credentials(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers["Authorization"]))
            end = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
            keys = {"AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "secret", "Token": "token", "Expiration": end}
            body = json.dumps(keys).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Credentials) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        credentials = {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{server.server_port}/keys",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "of the environment",
        }
        with running(binaries, tmp_path, credentials=credentials) as (page, _, tenant):
            assert page.sign_in()[0] == 200
            assert page.call("verify", {"otp": tenant.code()})[0] == 200
        server.shutdown()
    assert asked and set(asked) == {("/keys", "of the environment")}


def test_without_credentials_the_log_says_where_they_are_looked_for(binaries, tmp_path):
    with running(binaries, tmp_path, credentials={}) as (page, _, _):
        status, answer = page.sign_in()
        assert (status, answer["error"]) == (503, "store_unavailable")
        page.functions["authenticate"].process.wait_for("no credentials in the environment", 5)


def test_step_up_renewal_and_sign_out(with_step_up):
    page, aws, tenant = with_step_up
    page.sign_in()
    pending = page.cookie
    status, answer = page.call("verify", {"otp": tenant.code()})
    assert status == 200 and SCOPE not in claims(answer["access_token"])["scope"]
    assert page.cookie not in (None, pending)
    [item] = aws.items()
    assert item.keys() == {"id", "signed_in", "attempts", "expires_at"}

    status, answer = page.call("authenticate", {"action": "step_up", "scope": SCOPE})
    assert (status, answer["challenge"]) == (200, {"challenge_type": "otp"}), answer
    # A code is good once: the next, 30 s later, without waiting.
    tenant.control("POST", "/clock", {"advance_seconds": 30})
    status, answer = page.call("verify", {"otp": tenant.code()})
    assert status == 200, answer
    assert SCOPE in claims(answer["access_token"])["scope"].split()
    [item] = aws.items()
    assert "pending" not in item and "busy_until" not in item

    status, answer = page.call("authenticate", {"action": "renew"})
    assert status == 200 and SCOPE not in claims(answer["access_token"])["scope"]

    assert page.call("authenticate", None, "DELETE") == (204, {})
    assert aws.items() == [] and page.cookie is None
