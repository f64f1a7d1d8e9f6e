"""What schemathesis cannot invent: passwords, codes and sessions that are right.

Without them every generated request would end at `invalid_credentials` or `session_expired`. Some of them get a real
session's cookie, and real values in the place of generated ones, which are as good by their form.
"""

import os
import random
import time
import uuid
from http.cookiejar import DefaultCookiePolicy

import requests
import schemathesis
from schemathesis import GenerationMode

API = os.environ["FUZZ_API"]
TENANT = os.environ["FUZZ_TENANT"]
PASSWORD = os.environ["FUZZ_PASSWORD"]
COOKIE = "__Host-mfa_session"
# Each code is good once in 30 s: as many users as there are to be sign-ins in that time.
USERS = [f"fuzz-{number}@example.com" for number in range(60)]
# When a user's code was used last, and the cookie that it gave.
SESSIONS: dict[str, tuple[float, str | None]] = {}

http = requests.Session()
http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # cookies are given, not kept


def add(user: str, factors: list) -> str:
    new = {"email": user, "password": PASSWORD, "factors": factors}
    http.post(f"{TENANT}/users", json=new, timeout=5).raise_for_status()
    return user


for name in USERS:
    phone = {"type": "sms", "phone_number": "+4915123456789"}
    add(name, [{"type": "otp"}, phone, {"type": "push", "device": "phone"}])


def post(route: str, body: dict, cookie: str | None = None) -> requests.Response:
    cookies = {COOKIE: cookie} if cookie else {}
    return http.post(f"{API}/{route}", json=body, cookies=cookies, timeout=15)


def code(user: str) -> str:
    return http.get(f"{TENANT}/users/{user}/otp", timeout=5).json()["code"]


def pending(user: str, challenge_type: str) -> str | None:
    """The cookie of a sign-in that awaits its code."""
    for what in ("refill", "unblock"):
        http.post(f"{TENANT}/users/{user}/{what}", timeout=5)
    sign_in = {"email": user, "password": PASSWORD, "challenge_type": challenge_type}
    return post("authenticate", sign_in).cookies.get(COOKIE)


def signed_in(user: str) -> str | None:
    """The cookie of a signed-in session: that of before, where this user's code may be used already."""
    code_used, cookie = SESSIONS.get(user, (0, None))
    if time.monotonic() > code_used + 31:
        answer = post("verify", {"otp": code(user)}, pending(user, "otp"))
        cookie = answer.cookies.get(COOKIE)
        SESSIONS[user] = (time.monotonic(), cookie)
    return cookie


def fitting_session(action: str | None) -> str:
    """What a request of this action is about, most of the time."""
    if random.random() < 0.3:
        return random.choice(["as generated", "none", "pending", "bare", "signed in"])
    return {"enroll": "bare", "step_up": "signed in", "renew": "signed in"}.get(action, "pending")


@schemathesis.hook
def before_call(context, case, kwargs):
    user = random.choice(USERS)
    body = case.body if isinstance(case.body, dict) else {}
    session = fitting_session(body.get("action") if isinstance(body.get("action"), str) else None)
    if session == "pending":
        cookie = pending(user, random.choice(["otp", "oob", "otp oob"]))
    elif session == "bare":
        # A new user each time: of one, the enrollments that are never finished would pile up.
        cookie = pending(add(f"{uuid.uuid4()}@example.com", []), "otp oob")
    elif session == "signed in":
        cookie = signed_in(user)
    else:
        cookie = None
    if session != "as generated":
        case.cookies = {COOKIE: cookie} if cookie else {}
    origin = random.choice([None, None, None, "own", "https://foreign.example"])
    if origin and "origin" not in case.headers:
        case.headers["origin"] = API.removesuffix("/api/mfa") if origin == "own" else origin

    if body and case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE:
        case.body = right(body, user)


def right(body: dict, user: str) -> dict:
    """`body`, mostly with values that are right, where it has some by its form alone."""
    if random.random() < 0.3:
        return body
    if "password" in body:
        body = {**body, "email" if "email" in body else "username": user, "password": PASSWORD}
    elif "scope" in body:
        body = {**body, "scope": "transfer:funds"}
    elif "otp" in body:
        body = {"otp": code(user)}
    return {name: value for name, value in body.items() if name != "authenticator_id"}
