"""checkov over the transformed template: what it objects to is what the resources give a reason for, and nothing else.

A reason for what checkov does not object to any more is as wrong as an objection without one.
"""

import json
import subprocess
import sys

import cloudformation


def main(checkov: str, path: str) -> int:
    template = cloudformation.transformed()
    reasons = {}
    for name, resource in template["Resources"].items():
        for skip in resource.get("Metadata", {}).pop("checkov", {}).get("skip", []):
            reasons[(name, skip["id"])] = skip["comment"]
    with open(path, "w") as file:
        json.dump(template, file, indent=2)
    command = [checkov, "--file", path, "--framework", "cloudformation", "--skip-download", "--output", "json"]
    result = subprocess.run([*command, "--compact", "--quiet"], stdout=subprocess.PIPE, text=True, check=False)
    report = json.loads(result.stdout)
    objections = {
        (check["resource"].rsplit(".", 1)[1], check["check_id"]): check["check_name"]
        for check in report["results"]["failed_checks"]
    }
    assert report["summary"]["parsing_errors"] == 0 and report["summary"]["passed"] > 0, report["summary"]
    for (name, check), what in sorted(objections.items()):
        print(f"{name}: {check}, {what}: {reasons.get((name, check), 'NO REASON')}")
    for name, check in sorted(reasons.keys() - objections.keys()):
        print(f"{name}: {check} has a reason, and checkov does not object")
    print(f"{report['summary']['passed']} checks passed, {len(objections)} exceptions")
    return int(objections.keys() != reasons.keys())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
