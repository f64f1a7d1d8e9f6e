"""infra/template.yaml as CloudFormation has it after its transforms, made on this machine."""

import json
import os
import sys
from pathlib import Path

from processes import ROOT
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

TEMPLATE = ROOT / "infra" / "template.yaml"
OPENAPI = ROOT / "infra" / "openapi.yaml"

# What a deployment has to say, for those who resolve parameters.
REQUIRED = {"Auth0Domain": "tenant.eu.auth0.com", "Auth0ClientId": "local-client"}


class NoManagedPolicies:
    """The template names none; the translator would ask IAM for them."""

    def load(self):
        return {}


def source() -> dict:
    return yaml_parse(TEMPLATE.read_text())


def openapi() -> dict:
    return yaml_parse(OPENAPI.read_text())


def include(node):
    """AWS::Include, as CloudFormation does it before any other transform."""
    if isinstance(node, list):
        return [include(item) for item in node]
    if not isinstance(node, dict):
        return node
    call = node.get("Fn::Transform")
    if call is not None:
        assert call["Name"] == "AWS::Include" and len(node) == 1, call
        return yaml_parse((TEMPLATE.parent / call["Parameters"]["Location"]).read_text())
    return {name: include(value) for name, value in node.items()}


def transformed() -> dict:
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
    template = include(source())
    # `sam package` puts the address of the uploaded code here.
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": "artifacts", "Key": "code.zip"}
    return transform(template, REQUIRED, NoManagedPolicies())


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(transformed(), indent=2) + "\n")
