"""What the Rust sources say: variables, errors, routes, and which calls to AWS a function comes to make.

No compiler, but the sources' own regularity: `self.store.claim(…)`, `(Function::Verify, &Method::POST) => {`. Where a
source no longer has the form that is looked for, the reader fails, and does not find less in silence.
"""

import re
from functools import cache
from http import HTTPStatus
from math import prod

from processes import ROOT

SHARED = ROOT / "shared" / "src"


@cache
def source(name: str) -> str:
    """A file of the core crate, without its tests."""
    return (SHARED / name).read_text().split("#[cfg(test)]")[0]


def find(pattern: str, text: str) -> list:
    found = re.findall(pattern, text, re.DOTALL)
    assert found, f"nothing matches {pattern}"
    return found


# ---- Settings


def variables() -> set[str]:
    """What `Config::from_env` reads."""
    return set(find(r'vars\s*\.\s*(?:required|text|number|choice|parsed)\(\s*"([A-Z0-9_]+)"', source("config.rs")))


def numbers() -> dict[str, tuple[int, int, int]]:
    """Default, least and most of the variables that are numbers."""
    found = find(r'\.number\(\s*"([A-Z_]+)",\s*([\d_]+),\s*([\d_]+)\.\.=([\d_]+)\)', source("config.rs"))
    return {name: (int(default), int(least), int(most)) for name, default, least, most in found}


def choices() -> dict[str, list[str]]:
    """The words of the variables that are one of several."""
    found = find(r'\.choice\(\s*"([A-Z_]+)",\s*&\[(.*?)\],?\s*\)', source("config.rs"))
    return {name: re.findall(r'\("(\w+)"', words) for name, words in found}


def documented_defaults() -> dict[str, str]:
    """The table of the README: a variable's default as it stands there."""
    return dict(find(r"\n\| `([A-Z0-9_]+)` \| ([^|\n]*?) \|", (ROOT / "README.md").read_text()))


# ---- The API


def errors() -> dict[str, int]:
    """Each error code and its status."""
    found = find(r'\(StatusCode::(\w+), "(\w+)"\)', source("reply.rs"))
    renamed = {"PAYLOAD_TOO_LARGE": HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
    return {code: int(renamed.get(status) or HTTPStatus[status]) for status, code in found}


def routes() -> dict[str, tuple[str, list[str]]]:
    """Path and methods of each function."""
    app = source("app.rs")
    paths = dict(find(r'Self::(\w+) => "(/api/[^"]+)"', app))
    methods = dict(find(r'Self::(\w+) => "([A-Z, ]+OPTIONS)"', app))
    assert paths.keys() == methods.keys()
    return {function: (paths[function], methods[function].split(", ")) for function in paths}


def metrics() -> tuple[str, dict[str, set[str]]]:
    """The namespace, and the dimensions of each metric, as the module's table has them and its tests prove."""
    text = source("metrics.rs")
    rows = find(r"//! \| `(\w+)` \| \w+ \| ([^|]+) \|", text)
    [namespace] = find(r'NAMESPACE: &str = "(\w+)"', text)
    return namespace, {metric: set(re.findall(r"`(\w+)`", dimensions)) for metric, dimensions in rows}


def limits() -> dict[str, int]:
    """The `MAX_…` of requests."""
    found = find(r"const (MAX_\w+): usize = ([\d *_]+);", source("request/mod.rs"))
    return {name: prod(map(int, value.split("*"))) for name, value in found}


def seconds(file: str, constant: str) -> int:
    duration = r"(?:std::time::)?Duration"
    [value] = find(rf"const {constant}: {duration} = {duration}::from_secs\((\d+)\)", source(file))
    return int(value)


# ---- Calls to AWS


def _code(text: str) -> str:
    """Without strings, characters and comments, whose braces and words are not code."""
    return re.sub(r"""r#".*?"#|"(?:\\.|[^"\\])*"|//[^\n]*|'(?:\\.|[^'\\])'""", '""', text, flags=re.DOTALL)


def _block(code: str, start: int) -> str:
    """From `start` to the end of the block that opens next."""
    depth, at = 0, code.index("{", start)
    while True:
        depth += {"{": 1, "}": -1}.get(code[at], 0)
        at += 1
        if depth == 0:
            return code[start:at]


def _functions(file: str) -> dict[tuple[str, str], str]:
    """The bodies of a file's functions, by type (`""` for those of none) and name."""
    code = _code(source(file))
    found = {}
    implementations = []
    for match in re.finditer(r"^impl\b[^{;]*?(\w+)(?:<[^>{]*>)? \{", code, re.MULTILINE):
        block = _block(code, match.start())
        implementations.append((match.start(), match.start() + len(block), match[1]))
    for match in re.finditer(r"\bfn (\w+)", code):
        inside = [name for start, end, name in implementations if start < match.start() < end]
        found[(inside[0] if inside else "", match[1])] = _block(code, match.start())
    return found


# What the names of variables in the sources stand for.
RECEIVERS = {"app": "App", "attempt": "Attempt", "store": "Store", "secret": "Secret"}


def _mentions(own_type: str, body: str) -> set[tuple[str, str]]:
    """The functions that a body may come to call: methods by their receiver's name, others by their own."""
    found = set()
    for receiver, name in re.findall(r"\b(\w+)\s*(?=\.\s*(\w+))", body):
        owner = own_type if receiver == "self" else RECEIVERS.get(receiver)
        found.add((owner, name))
    for owner, name in re.findall(r"\b(\w+)::(\w+)", body):
        found.add((own_type if owner == "Self" else owner, name))
    found |= {("", name) for name in re.findall(r"(?<![\w.:])(\w+)\b", body)}
    return found


def _reachable(functions: dict[tuple[str, str], str], begin: list[tuple[str, str]]) -> set[tuple[str, str]]:
    """All functions that the bodies of `begin`, given with their types, come to."""
    seen, open_bodies = set(), list(begin)
    while open_bodies:
        for function in _mentions(*open_bodies.pop()):
            if function in functions and function not in seen:
                seen.add(function)
                open_bodies.append((function[0], functions[function]))
    return seen


def _arms(function: str) -> str:
    """What `App::handle` does for a function."""
    handle = _code(source("app.rs"))
    handle = _block(handle, handle.index("async fn handle("))
    arms = re.finditer(rf"\(Function::{function}, &Method::\w+\) =>", handle)
    arms = [_block(handle, arm.start()) for arm in arms]
    assert arms, f"App::handle has nothing for {function}"
    return "\n".join(arms)


def operations(client: str, file: str) -> dict[str, set[str]]:
    """The AWS operations that each method of a file makes itself, as AWS writes them."""
    found = {}
    for (owner, name), body in _functions(file).items():
        calls = re.findall(r"\bclient\s*\.\s*([a-z_]+)\(\)", body)
        if owner == client and calls:
            found[name] = {"".join(word.title() for word in call.split("_")) for call in calls}
    assert found, f"{file} calls nothing"
    return found


@cache
def reached(function: str) -> set[tuple[str, str]]:
    """The functions, with their types, that a Lambda function comes to call at init and for a request."""
    functions = {}
    for file in ["app.rs", "authenticate.rs", "verify.rs", "session/store.rs"]:
        functions |= _functions(file)
    return _reachable(functions, [("App", functions[("App", "from_env")]), ("App", _arms(function))])


def calls(function: str) -> dict[str, dict[str, list[str]]]:
    """For each service: the operations that a function comes to make, each with the methods that make it."""
    found = {"dynamodb": {}, "secretsmanager": {}}
    for method, made in operations("Store", "session/store.rs").items():
        if ("Store", method) in reached(function):
            for operation in made:
                found["dynamodb"].setdefault(operation, []).append(method)
    # The secret is read at init and before any call to Auth0, by both.
    for method, made in operations("Secret", "secret.rs").items():
        for operation in made:
            found["secretsmanager"].setdefault(operation, []).append(method)
    return found


def users_of_aws() -> dict[str, set[str]]:
    """The files that have a client of AWS in hand, by service."""
    found = {}
    for path in sorted(SHARED.rglob("*.rs")):
        text = path.read_text().split("#[cfg(test)]")[0]
        for service in re.findall(r"\baws_sdk_(\w+)::Client\b", text):
            found.setdefault(service, set()).add(str(path.relative_to(SHARED)))
    return found
