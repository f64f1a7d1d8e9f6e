# The tools of these checks, pinned, each set in a virtual environment of its own. Sourced from the repository's top.
# shellcheck shell=bash

# virtual_environment FOLDER WANTED...: makes one with what is wanted, unless it is there already.
virtual_environment() {
    local folder=$1 wanted="${*:2}"
    [[ $(cat "$folder/wanted" 2>/dev/null) == "$wanted" ]] && return
    rm -rf "$folder"
    python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check "${@:2}"
    echo "$wanted" >"$folder/wanted"
}

infra_venv=$PWD/target/infra-venv
virtual_environment "$infra_venv" \
    aws-sam-cli==1.170.0 aws-sam-translator==1.115.0 cfn-lint==1.58.0 "moto[cloudformation,dynamodb,secretsmanager,server]==5.2.5" \
    openapi-spec-validator==0.9.0 pytest==9.2.0 schemathesis==4.32.5
# Apart: checkov and the SAM CLI do not agree on their dependencies.
checkov_venv=$PWD/target/checkov-venv
virtual_environment "$checkov_venv" checkov==3.3.30
