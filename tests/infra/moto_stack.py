"""The template's table and secret in moto, a second DynamoDB and Secrets Manager that know nothing of ours.

As a program it starts them, prints the environment of the functions, and stays until it is ended.
"""

import json
import logging
import time
from contextlib import contextmanager
from urllib.request import urlopen

import boto3
import cloudformation
from moto.server import ThreadedMotoServer

REGION = "eu-central-1"
CREDENTIALS = {"AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": "moto", "AWS_SECRET_ACCESS_KEY": "moto"}


class MotoStack:
    def __init__(self, url: str, parameters: dict[str, str]):
        self.url = url
        self.template = cloudformation.transformed()
        self.parameters = {
            name: parameters.get(name, str(declared.get("Default")))
            for name, declared in self.template["Parameters"].items()
        }
        self.physical = {"SessionTable": self._create_table(), "ClientSecret": self._create_secret()}

    def _create_table(self) -> str:
        body = {
            "AWSTemplateFormatVersion": "2010-09-09",
            **{section: self.template[section] for section in ("Parameters", "Conditions")},
            "Resources": {"SessionTable": self.template["Resources"]["SessionTable"]},
        }
        formation = self.client("cloudformation")
        formation.create_stack(
            StackName="mfa",
            TemplateBody=json.dumps(body),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items()],
        )
        [resource] = formation.describe_stack_resources(StackName="mfa")["StackResources"]
        return resource["PhysicalResourceId"]

    def _create_secret(self) -> str:
        """By its own call: moto's CloudFormation has no secrets."""
        properties = self.template["Resources"]["ClientSecret"]["Properties"]
        assert properties.keys() == {"Description", "KmsKeyId"}
        created = self.client("secretsmanager").create_secret(Name="mfa", Description=properties["Description"])
        return created["ARN"]

    def client(self, service: str):
        keys = {"aws_access_key_id": "moto", "aws_secret_access_key": "moto"}
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, **keys)

    @property
    def table(self):
        keys = {"aws_access_key_id": "moto", "aws_secret_access_key": "moto"}
        dynamodb = boto3.resource("dynamodb", endpoint_url=self.url, region_name=REGION, **keys)
        return dynamodb.Table(self.physical["SessionTable"])

    def items(self) -> list[dict]:
        return self.table.scan(ConsistentRead=True)["Items"]

    def put_secret(self, value: str):
        self.client("secretsmanager").put_secret_value(SecretId=self.physical["ClientSecret"], SecretString=value)

    def environment(self, function: str) -> dict[str, str]:
        """What the template gives a function, and where moto is."""
        variables = self.template["Resources"][function]["Properties"]["Environment"]["Variables"]
        return {
            **{name: self.resolve(value) for name, value in variables.items()},
            **CREDENTIALS,
            "AWS_ENDPOINT_URL_DYNAMODB": self.url,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.url,
        }

    def resolve(self, value):
        """The few intrinsic functions that the environment is made of."""
        match value:
            case {"Ref": name}:
                return self.parameters[name] if name in self.parameters else self.physical[name]
            case {"Fn::If": [condition, yes, no]}:
                return self.resolve(yes if self.resolve(self.template["Conditions"][condition]) else no)
            case {"Fn::Equals": [left, right]}:
                return self.resolve(left) == self.resolve(right)
            case {"Fn::Not": [condition]}:
                return not self.resolve(condition)
            case str():
                return value
        raise NotImplementedError(value)


@contextmanager
def moto_stack(**parameters: str):
    """The stack with these parameters of the template, besides those that must be given."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    try:
        with urlopen(f"{url}/moto-api/reset", data=b"", timeout=10):  # its state is the process's
            yield MotoStack(url, {**cloudformation.REQUIRED, **parameters})
    finally:
        server.stop()


if __name__ == "__main__":
    with moto_stack() as stack:
        stack.put_secret("local-secret")
        for name, value in stack.environment("Authenticate").items():
            print(f"{name}={value}", flush=True)
        while True:
            time.sleep(3600)
