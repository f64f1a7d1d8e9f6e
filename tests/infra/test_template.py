"""The template beside the code: it gives what the code reads, allows what it calls, watches what it counts."""

import json
import re
from collections import defaultdict

import cloudformation
import pytest
import rust

FUNCTIONS = ["Authenticate", "Verify"]
# For local work; the template says why they have no parameter.
LOCAL = {"AUTH0_BASE_URL", "COOKIE_INSECURE"}


@pytest.fixture(scope="module")
def template() -> dict:
    return cloudformation.transformed()


def of_type(template: dict, kind: str) -> dict[str, dict]:
    return {name: it["Properties"] for name, it in template["Resources"].items() if it["Type"] == kind}


def environment(template: dict, function: str) -> dict:
    return template["Resources"][function]["Properties"]["Environment"]["Variables"]


# ---- Variables


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_given_every_variable_that_the_code_reads_and_no_other(template, function):
    assert environment(template, function).keys() == rust.variables() - LOCAL


def test_every_variable_is_in_the_readme():
    assert rust.variables() <= rust.documented_defaults().keys()


def test_a_parameter_has_the_default_of_its_variable(template):
    compared = 0
    for variable, value in environment(template, "Authenticate").items():
        documented = rust.documented_defaults()[variable]
        if variable in ("AUTH0_CLIENT_SECRET_ID", "SESSION_TABLE"):
            assert documented == "required"  # resources of the stack
            continue
        parameter = template["Parameters"][value["Ref"]]
        if documented == "required":
            assert "Default" not in parameter, variable
        elif documented.startswith("empty") or "<domain>" in documented:
            assert parameter["Default"] == "", variable  # as good as none: the code has the default
        else:
            assert str(parameter["Default"]) == documented.strip("`"), variable
        assert variable in parameter["Description"], variable
        compared += 1
    assert compared == len(rust.variables() - LOCAL) - 2


def test_a_number_has_the_bounds_of_the_code_and_a_choice_its_words(template):
    variables = environment(template, "Authenticate")
    parameter = {variable: template["Parameters"].get(value.get("Ref"), {}) for variable, value in variables.items()}
    for variable, bounds in rust.numbers().items():
        found = parameter[variable]
        assert (found["Default"], found["MinValue"], found["MaxValue"]) == bounds, variable
    for variable, words in rust.choices().items():
        if variable not in LOCAL:
            assert parameter[variable]["AllowedValues"] == words, variable


# ---- Permissions


def statements(template: dict, function: str) -> list[dict]:
    """What a function's role may do, the conditional statements included."""
    role = template["Resources"][f"{function}Role"]["Properties"]
    assert role.keys() == {"AssumeRolePolicyDocument", "Policies"}  # no managed policy
    [policy] = role["Policies"]
    found = []
    for statement in policy["PolicyDocument"]["Statement"]:
        if "Fn::If" in statement:
            condition, statement, otherwise = statement["Fn::If"]
            assert otherwise == {"Ref": "AWS::NoValue"}
            statement = {**statement, "If": condition}
        assert statement["Effect"] == "Allow" and not {"NotAction", "NotResource"} & statement.keys()
        actions = statement["Action"]
        found.append({**statement, "Action": actions if isinstance(actions, list) else [actions]})
    return found


def test_each_function_may_make_the_calls_that_its_code_makes_and_no_other(template, capsys):
    table, differences = [], []
    for function in FUNCTIONS:
        made = {
            f"{service}:{operation}": methods
            for service, operations in rust.calls(function).items()
            for operation, methods in operations.items()
        }
        allowed = {
            action
            for statement in statements(template, function)
            for action in statement["Action"]
            if action.startswith(("dynamodb:", "secretsmanager:"))
        }
        for action in sorted(made.keys() | allowed):
            methods = ", ".join(made.get(action, [])) or "-"
            table.append(f"{function:13} {action:31} {'yes' if action in allowed else 'NO':8} {methods}")
        differences += sorted(made.keys() ^ allowed)
    with capsys.disabled():
        print(f"\n\n{'function':13} {'action':31} {'allowed':8} called in the code by", *table, "", sep="\n")
    assert not differences


def test_the_reader_of_the_code_tells_the_functions_apart():
    assert ("Store", "put_pending") in rust.reached("Authenticate") - rust.reached("Verify")
    assert ("Attempt", "run") in rust.reached("Verify") - rust.reached("Authenticate")
    # The only places that have a client in hand: nothing is called behind the reader's back.
    assert rust.users_of_aws() == {
        "dynamodb": {"aws.rs", "session/store.rs"},
        "secretsmanager": {"aws.rs", "secret.rs"},
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_permission_is_for_one_thing(template, function):
    secret = {"Fn::If": ["CreatesSecret", {"Ref": "ClientSecret"}, {"Ref": "Auth0ClientSecretArn"}]}
    via = {
        service: {"StringEquals": {"kms:ViaService": {"Fn::Sub": f"{service}.${{AWS::Region}}.amazonaws.com"}}}
        for service in ("secretsmanager", "dynamodb")
    }
    found = defaultdict(list)
    for statement in statements(template, function):
        for action in statement["Action"]:
            what = (statement["Resource"], statement.get("If"), statement.get("Condition"))
            found[action].append(what)
    table = ({"Fn::GetAtt": ["SessionTable", "Arn"]}, None, None)
    logs = ({"Fn::GetAtt": [f"{function}Logs", "Arn"]}, None, None)
    assert found == {
        **{f"dynamodb:{operation}": [table] for operation in rust.calls(function)["dynamodb"]},
        "secretsmanager:GetSecretValue": [(secret, None, None)],
        "kms:Decrypt": [
            ({"Ref": "SecretKeyArn"}, "HasSecretKey", via["secretsmanager"]),
            ({"Ref": "TableKeyArn"}, "HasTableKey", via["dynamodb"]),
        ],
        "logs:CreateLogStream": [logs],
        "logs:PutLogEvents": [logs],
        # They take no resource: the one "*" there is.
        "xray:PutTelemetryRecords": [("*", None, None)],
        "xray:PutTraceSegments": [("*", None, None)],
    }
    properties = template["Resources"][function]["Properties"]
    assert properties["Role"] == {"Fn::GetAtt": [f"{function}Role", "Arn"]}
    assert properties["LoggingConfig"]["LogGroup"] == {"Ref": f"{function}Logs"}


def test_there_are_no_roles_and_no_resource_policies_but_these(template):
    assert of_type(template, "AWS::IAM::Role").keys() == {"AuthenticateRole", "VerifyRole"}
    kinds = {it["Type"] for it in template["Resources"].values()}
    assert not {kind for kind in kinds if kind.startswith("AWS::IAM::") or kind.endswith("Policy")} - {"AWS::IAM::Role"}


# ---- Table, secret, logs


def test_the_table_has_the_key_and_the_ttl_that_the_code_uses(template):
    table = template["Resources"]["SessionTable"]["Properties"]
    [(key, kind)] = set(rust.find(r'\.(?:key|item)\("(id)", AttributeValue::(\w)\(', rust.source("session/store.rs")))
    assert table["KeySchema"] == [{"AttributeName": key, "KeyType": "HASH"}]
    assert table["AttributeDefinitions"] == [{"AttributeName": key, "AttributeType": kind}]
    ttl = table["TimeToLiveSpecification"]["AttributeName"]
    assert ttl == "expires_at" and f'.item("{ttl}", number(ends_at))' in rust.source("session/store.rs")
    assert table["TimeToLiveSpecification"]["Enabled"] is True
    assert table["BillingMode"] == "PAY_PER_REQUEST" and "StreamSpecification" not in table
    assert table["SSESpecification"]["SSEEnabled"] is True


def test_what_the_stack_creates_holds_no_secret_value(template):
    [secret] = of_type(template, "AWS::SecretsManager::Secret").values()
    assert not {"SecretString", "GenerateSecretString"} & secret.keys()


def test_every_log_group_forgets(template):
    groups = of_type(template, "AWS::Logs::LogGroup")
    assert groups.keys() == {"AuthenticateLogs", "VerifyLogs", "AccessLogs"}
    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())


def test_access_logs_hold_no_path_query_header_or_body(template):
    text = template["Resources"]["HttpApiStage"]["Properties"]["AccessLogSettings"]["Format"]
    assert set(json.loads(text).values()) == {
        "$context.requestTime",
        "$context.requestId",
        "$context.integration.requestId",
        "$context.identity.sourceIp",
        "$context.routeKey",
        "$context.status",
        "$context.protocol",
        "$context.responseLength",
        "$context.responseLatency",
        "$context.integration.integrationStatus",
        "$context.integration.latency",
        "$context.error.responseType",
    }


# ---- Time


def test_a_request_ends_before_the_function_and_the_function_before_the_lease_and_the_gateway(template):
    for function in FUNCTIONS:
        timeout = template["Resources"][function]["Properties"]["Timeout"]
        integration = cloudformation.openapi()["components"]["x-amazon-apigateway-integrations"][function.lower()]
        assert rust.seconds("deadline.rs", "REQUEST") < timeout < integration["timeoutInMillis"] / 1000 < 30
        assert timeout <= rust.seconds("session/mod.rs", "LEASE")


def test_functions_are_built_from_the_workspace(template):
    for function in FUNCTIONS:
        source = cloudformation.source()["Resources"][function]
        name = function.lower()
        assert source["Metadata"]["BuildMethod"] == "rust-cargolambda"
        assert source["Metadata"]["BuildProperties"] == {"Binary": name}
        manifest = (cloudformation.ROOT / "functions" / name / "Cargo.toml").read_text()
        assert f'name = "{name}"' in manifest
        assert template["Resources"][function]["Properties"]["Runtime"] == "provided.al2023"
        assert (cloudformation.TEMPLATE.parent / source["Properties"]["CodeUri"] / "Cargo.lock").exists()


# ---- Alarms and dashboard


def measured(template: dict) -> list[tuple[str, str, dict]]:
    """Every metric that an alarm looks at, with the alarm's name."""
    found = []
    for name, alarm in of_type(template, "AWS::CloudWatch::Alarm").items():
        queries = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
        for metric in queries or [alarm]:
            dimensions = {dimension["Name"]: dimension["Value"] for dimension in metric["Dimensions"]}
            found.append((name, metric["Namespace"], metric["MetricName"], dimensions))
    return found


def test_alarms_look_at_metrics_that_the_functions_write(template):
    namespace, metrics = rust.metrics()
    functions = {function.lower() for function in rust.routes()}
    watched = defaultdict(set)
    for alarm, found, metric, dimensions in measured(template):
        if not found.startswith("AWS/"):
            assert found == namespace, alarm
            assert dimensions.keys() == metrics[metric], alarm
            assert dimensions["function"] in functions, alarm
            assert dimensions["outcome"] in rust.errors(), alarm
            watched[dimensions["outcome"]].add(dimensions["function"])
    assert watched == {code: functions for code in ("server_misconfigured", "store_unavailable", "too_many_attempts")}


def test_alarms_look_at_both_functions_and_the_api(template):
    aws = {(found, metric, *map(str, dimensions.values())) for _, found, metric, dimensions in measured(template)}
    for wanted in [
        ("AWS/ApiGateway", "5xx", str({"Ref": "HttpApi"})),
        ("AWS/ApiGateway", "Latency", str({"Ref": "HttpApi"})),
        ("AWS/Lambda", "Throttles", str({"Ref": "Authenticate"})),
        ("AWS/Lambda", "Throttles", str({"Ref": "Verify"})),
    ]:
        assert wanted in aws
    for alarm in of_type(template, "AWS::CloudWatch::Alarm").values():
        topic = {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}
        assert alarm["AlarmActions"] == alarm["OKActions"] == topic
        assert alarm["TreatMissingData"] == "notBreaching"


def test_the_dashboard_is_json_and_shows_every_alarm_and_every_metric(template):
    [dashboard] = of_type(template, "AWS::CloudWatch::Dashboard").values()
    body = dashboard["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(re.sub(r"\$\{(.*?)\}", r"<\1>", body))["widgets"]
    [alarms] = [widget["properties"]["alarms"] for widget in widgets if widget["type"] == "alarm"]
    assert set(alarms) == {f"<{alarm}.Arn>" for alarm in of_type(template, "AWS::CloudWatch::Alarm")}
    namespace, metrics = rust.metrics()
    for metric, dimensions in metrics.items():
        search = f"{{{namespace},{','.join(sorted(dimensions))}}} MetricName=" + json.dumps(f'"{metric}"')[1:-1]
        assert search in body or f'["{namespace}", "{metric}", "{next(iter(dimensions))}"' in body, metric
