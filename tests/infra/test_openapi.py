"""The document beside the code and beside itself."""

import re

import cloudformation
import pytest
import rust
from openapi_schema_validator import OAS30Validator

DOCUMENT = cloudformation.openapi()
METHODS = ["get", "post", "delete", "options", "put", "patch", "head", "trace"]
ANY = "x-amazon-apigateway-any-method"


def resolve(node):
    """`node` with its references to the document replaced by what they refer to."""
    if isinstance(node, list):
        return [resolve(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        found = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return resolve(found)
    return {name: resolve(value) for name, value in node.items()}


def operations() -> list[tuple[str, str, dict]]:
    found = [
        (path, method, resolve(item[method]))
        for path, item in DOCUMENT["paths"].items()
        for method in item
        if method in [*METHODS, ANY]
    ]
    assert len(found) == 8
    return found


def codes(response: dict) -> list[str]:
    """The error codes of a response."""
    error, narrowed = response["content"]["application/json"]["schema"]["allOf"]
    assert error == resolve({"$ref": "#/components/schemas/Error"})
    return narrowed["properties"]["error"]["enum"]


def test_it_is_the_version_that_api_gateway_imports():
    assert DOCUMENT["openapi"] == "3.0.3"


def test_the_error_codes_are_those_of_the_code():
    schema = DOCUMENT["components"]["schemas"]["ErrorCode"]
    assert sorted(schema["enum"]) == sorted(rust.errors())
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", schema["description"], re.MULTILINE)
    assert {code: int(status) for code, status in rows} == rust.errors()


def test_a_response_names_the_codes_of_its_status_and_every_code_is_in_one():
    seen = set()
    for path, method, operation in operations():
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                found = codes(response)
                assert {rust.errors()[code] for code in found} == {int(status)}, (path, method, status)
                assert response["content"]["application/json"]["examples"].keys() == set(found)
                seen |= set(found)
    assert seen == rust.errors().keys()


def test_every_example_fits_its_schema():
    count = 0
    for path, method, operation in operations():
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for media in [body["content"]["application/json"] for body in bodies if "content" in body]:
            validator = OAS30Validator(media["schema"])
            values = [example["value"] for example in media.get("examples", {}).values()]
            values += [media["example"]] if "example" in media else []
            assert values, (path, method)
            for value in values:
                assert not [*validator.iter_errors(value)], (path, method, value)
            count += len(values)
    assert count > 80


def test_routes_and_methods_are_those_of_the_code():
    assert DOCUMENT["paths"].keys() == {path for path, _ in rust.routes().values()}
    for path, methods in rust.routes().values():
        assert {method for method in DOCUMENT["paths"][path] if method in METHODS} == {name.lower() for name in methods}
        assert ANY in DOCUMENT["paths"][path]  # the function's own 405
    allow = DOCUMENT["components"]["headers"]["Allow"]["schema"]["enum"]
    assert sorted(allow) == sorted(", ".join(methods) for _, methods in rust.routes().values())


def test_each_route_reaches_its_function_which_this_api_may_call():
    template = cloudformation.transformed()
    body = template["Resources"]["HttpApi"]["Properties"]["Body"]
    permissions = [it["Properties"] for it in template["Resources"].values() if it["Type"] == "AWS::Lambda::Permission"]
    for function, (path, _) in rust.routes().items():
        for method, operation in body["paths"][path].items():
            integration = resolve(operation["x-amazon-apigateway-integration"])
            assert f"/functions/${{{function}.Arn}}/invocations" in integration["uri"]["Fn::Sub"], (path, method)
            assert (integration["type"], integration["payloadFormatVersion"]) == ("aws_proxy", "2.0")
            assert integration["httpMethod"] == "POST"  # what Lambda is called with, whatever the route's method
        [permission] = [it for it in permissions if it["FunctionName"] == {"Ref": function}]
        assert permission["Principal"] == "apigateway.amazonaws.com"
        assert permission["Action"] == "lambda:InvokeFunction"
        assert permission["SourceArn"]["Fn::Sub"].endswith(":${HttpApi}/*")
    assert len(permissions) == len(rust.routes())


def test_intrinsic_functions_are_in_extensions_alone():
    def search(node, inside: bool):
        if isinstance(node, dict):
            for name, value in node.items():
                assert inside or not (name.startswith("Fn::") or name == "Ref"), node
                search(value, inside or name.startswith("x-amazon-apigateway-"))
        elif isinstance(node, list):
            for item in node:
                search(item, inside)

    search(DOCUMENT, False)


@pytest.mark.parametrize(
    ("schema", "field", "limit"),
    [
        ("SignIn", "email", "MAX_NAME"),
        ("SignIn", "username", "MAX_NAME"),
        ("SignIn", "password", "MAX_PASSWORD"),
        ("SignIn", "authenticator_id", "MAX_AUTHENTICATOR_ID"),
        ("EnrollEmail", "email", "MAX_NAME"),
        ("StepUp", "scope", "MAX_SCOPE"),
    ],
)
def test_a_field_is_as_long_as_the_code_takes_it(schema, field, limit):
    found = resolve(DOCUMENT["components"]["schemas"][schema]["properties"][field])
    assert (found["minLength"], found["maxLength"]) == (1, rust.limits()[limit])


def test_requests_have_the_actions_and_the_codes_of_the_code():
    source = rust.source("request/mod.rs")
    [names] = rust.find(r"const NAMES: \[&str; \d+\] = \[(.*?)\];", source)
    schemas = resolve(DOCUMENT["components"]["schemas"]["AuthenticateRequest"])["oneOf"]
    actions = {schema["properties"]["action"]["enum"][0] for schema in schemas}
    assert actions == set(re.findall(r'"(\w+)"', names))
    [fields] = rust.find(r"let given: Vec<&str> =\s*\[(.*?)\]", source)
    verify = resolve(DOCUMENT["components"]["schemas"]["VerifyRequest"])["oneOf"]
    assert {name for schema in verify for name in schema["required"]} == set(re.findall(r'"(\w+)"', fields))


def test_objects_take_no_unknown_member():
    def search(node):
        if isinstance(node, dict):
            if node.get("type") == "object" and "properties" in node:
                assert node["additionalProperties"] is False, node
            for value in node.values():
                search(value)
        elif isinstance(node, list):
            for item in node:
                search(item)

    search(DOCUMENT["components"]["schemas"])


def test_no_answer_holds_what_stays_on_the_server():
    answers = str(DOCUMENT["components"]["schemas"])
    for secret in ("mfa_token", "oob_code", "refresh_token"):
        assert f"'{secret}'" not in answers
