// What the Deploy CLI makes of tenant.yaml, held against the CLI's own schema and the types of Auth0's SDK.

const { before, test } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");

const { complaints, imported, NAMES, TENANT } = require("./management.js");

let requests;
before(async () => {
  requests = await imported();
});

/** The body of the one request to this path. */
function sent(method, path) {
  const found = requests.filter((request) => request.method === method && request.path === path);
  assert.equal(found.length, 1, `${method} ${path}`);
  return found[0].body;
}

test("the Deploy CLI takes it, and what it sends has the form that the Management API wants", () => {
  assert.deepEqual(requests.map(({ method, path }) => `${method} ${path}`).sort(), [
    "PATCH /actions/triggers/post-login/bindings",
    "PATCH /connections/con_1",
    "PATCH /connections/con_1/clients",
    "POST /actions/actions",
    "POST /actions/actions/id_1/deploy",
    "POST /clients",
    "POST /resource-servers",
    "PUT /guardian/factors/email",
    "PUT /guardian/factors/otp",
    "PUT /guardian/factors/push-notification",
    "PUT /guardian/factors/recovery-code",
    "PUT /guardian/factors/sms",
    "PUT /guardian/policies",
  ]);
  assert.deepEqual(complaints(requests), requests.map(() => []));
  assert.doesNotMatch(JSON.stringify(requests), /##|@@/, "a marker was not replaced");
});

test("the application has the grants that the functions use, and no others", () => {
  const { grant_types, refresh_token, ...application } = sent("POST", "/clients");
  const urn = "http://auth0.com/oauth/grant-type";
  assert.deepEqual(grant_types, [
    `${urn}/password-realm`,
    `${urn}/mfa-otp`,
    `${urn}/mfa-oob`,
    `${urn}/mfa-recovery-code`,
    "refresh_token",
  ]);
  assert.deepEqual(application, {
    name: NAMES.APPLICATION_NAME,
    app_type: "regular_web",
    is_first_party: true,
    oidc_conformant: true,
    token_endpoint_auth_method: "client_secret_post",
    is_token_endpoint_ip_header_trusted: true,
    jwt_configuration: { alg: "RS256" },
  });
  assert.equal(refresh_token.rotation_type, "rotating");
  assert.ok(refresh_token.leeway > 10, "longer than the lease of a request that crashed");
  assert.equal(refresh_token.infinite_token_lifetime, false);
});

test("the API has the step-up scopes, gives refresh tokens, and nothing to an application on its own", () => {
  const api = sent("POST", "/resource-servers");
  const scopes = api.scopes.map((scope) => scope.value);
  const { value } = sent("POST", "/actions/actions").secrets.find(({ name }) => name === "STEP_UP_SCOPES");
  assert.ok(value.split(" ").every((scope) => scopes.includes(scope)), value);
  assert.equal(api.identifier, NAMES.API_IDENTIFIER);
  assert.equal(api.allow_offline_access, true);
  assert.equal(api.signing_alg, "RS256");
  assert.equal(api.subject_type_authorization.client.policy, "deny_all");
});

test("the connection is enabled for the application, and its other options stay", () => {
  assert.deepEqual(sent("PATCH", "/connections/con_1/clients"), [{ client_id: "client_1", status: true }]);
  assert.equal(sent("PATCH", "/connections/con_1").options.disable_signup, true);
});

test("there is a factor, and no policy that would demand it at every refresh", () => {
  assert.equal(sent("PUT", "/guardian/factors/otp").enabled, true);
  assert.deepEqual(sent("PUT", "/guardian/policies"), []);
});

test("the Action is deployed with its secrets and bound to post-login", () => {
  const action = sent("POST", "/actions/actions");
  assert.equal(action.code, fs.readFileSync(path.join(__dirname, "actions/step-up.js"), "utf8"));
  assert.deepEqual(action.supported_triggers, [{ id: "post-login", version: "v3" }]);
  const secrets = Object.fromEntries(action.secrets.map(({ name, value }) => [name, value]));
  const read = [...action.code.matchAll(/event\.secrets\.(\w+)/g)].map(([, name]) => name);
  assert.deepEqual(Object.keys(secrets).sort(), read.sort());
  const { bindings } = sent("PATCH", "/actions/triggers/post-login/bindings");
  assert.deepEqual(bindings.map(({ ref }) => ref), [{ type: "action_name", value: action.name }]);
});

test("the Deploy CLI refuses what it knows to be wrong", async () => {
  for (const [right, wrong, complaint] of [
    ["policies: []", "policies: [always]", ".guardianPolicies.policies[0]"],
    ["name: otp", "name: totp", ".guardianFactors[0].name"],
    ["policy: allow_all", "policy: allow_some", ".subject_type_authorization.user.policy"],
    ["app_type: regular_web", "app_type: [regular_web]", ".clients[0].app_type"],
    ["guardianPolicies:", "guardianPolicy:", "should NOT have additional properties"],
    ["code: ./actions/step-up.js", "code: ./actions/stepup.js", "Unable to load file"],
  ]) {
    assert.ok(TENANT.includes(right), right);
    await assert.rejects(imported(TENANT.replace(right, wrong)), (error) => error.message.includes(complaint), wrong);
  }
});

test("the Management API's types refuse what the Deploy CLI lets through", () => {
  const [client, api, connection] = ["/clients", "/resource-servers", "/connections/con_1"].map((path) =>
    requests.find((one) => one.path === path),
  );
  const changed = (request, change) => ({ ...request, body: { ...request.body, ...change } });
  const wrong = [
    changed(client, { grants: ["refresh_token"] }),
    changed(client, { token_endpoint_auth_method: "client_secret" }),
    changed(client, { app_type: "web" }),
    changed(client, { trust_token_endpoint_ip_header: true }),
    changed(client, { is_token_endpoint_ip_header_trusted: "yes" }),
    changed(client, { refresh_token: { ...client.body.refresh_token, rotation_type: "rotate" } }),
    changed(client, { refresh_token: { ...client.body.refresh_token, overlap: 60 } }),
    changed(api, { scopes: [{ name: "transfer:funds" }] }),
    changed(api, { offline_access: true }),
    changed(connection, { enabled_client: ["client_1"] }),
  ];
  for (const [number, found] of complaints(wrong).entries()) {
    assert.equal(found.length, 1, JSON.stringify(wrong[number].body));
  }
});
