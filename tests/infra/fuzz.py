"""Runs schemathesis over a local stack of its own, for so many seconds."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from processes import ROOT, Process, free_ports

# What is a fault of the functions. That a good request is accepted is not asked: it is good by its form, and has the
# wrong password.
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
]


def main(seconds: str) -> int:
    port = free_ports(4)
    folder = ROOT / "target" / "fuzz"  # where schemathesis leaves its own files
    folder.mkdir(parents=True, exist_ok=True)
    binary = os.environ.get("LOCAL_BINARY")
    command = [binary] if binary else ["cargo", "dev"]
    # The cookie of production, which is the one of the document.
    arguments = ["--port", str(port), "--set", "COOKIE_INSECURE=false"]
    with Process([*command, *arguments]) as stack:
        stack.wait_for(r"Code\s+\d{6}", 600)
        password = re.search(r"Password\s+(\S+)", stack.output())[1]
        environment = {
            **os.environ,
            "SCHEMATHESIS_HOOKS": str(Path(__file__).with_name("fuzz_hooks.py")),
            "FUZZ_API": f"http://127.0.0.1:{port}/api/mfa",
            "FUZZ_TENANT": f"http://127.0.0.1:{port + 1}/_tenant",
            "FUZZ_PASSWORD": password,
        }
        config = str(Path(__file__).with_name("schemathesis.toml"))
        schemathesis = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", config]
        schemathesis += ["run", str(ROOT / "infra/openapi.yaml")]
        options = ["--url", f"http://127.0.0.1:{port}", "--max-time", seconds, "--checks", ",".join(CHECKS)]
        options += ["--phases", "examples,coverage,fuzzing", "--generation-database", "none", "--warnings", "off"]
        result = subprocess.run([*schemathesis, *options, "--no-color"], cwd=folder, env=environment, check=False)
    lines = [json.loads(line) for line in stack.output().splitlines() if line.startswith("{")]
    requests = [line for line in lines if line.get("message") == "request"]
    outcomes = Counter((line.get("action", "-"), line["outcome"]) for line in requests)
    print("\nWhat the functions answered, by action and outcome, the sign-ins for the sessions among it:")
    for (action, outcome), count in sorted(outcomes.items()):
        print(f"{count:7} {action:15} {outcome}")
    faults = {json.dumps(line) for line in requests if line["status"] >= 500}
    for fault in sorted(faults)[:10]:
        print(f"5xx: {fault}")
    return result.returncode or bool(faults)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
