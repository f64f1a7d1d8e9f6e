// The Deploy CLI's own import, with a Management API that is only made up, in this process: what would be sent
// to a tenant.

const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const ts = require("typescript");

const { deploy } = require("auth0-deploy-cli");
const { default: logger } = require("auth0-deploy-cli/lib/logger");
const { default: schema } = require("auth0-deploy-cli/lib/tools/auth0/schema");

logger.silent = true;
delete schema.properties.prompts; // eight megabytes, which take half a minute to compile and are not used here

const CONFIG = JSON.parse(fs.readFileSync(path.join(__dirname, "config.example.json"), "utf8"));
const NAMES = CONFIG.AUTH0_KEYWORD_REPLACE_MAPPINGS;
const TENANT = fs.readFileSync(path.join(__dirname, "tenant.yaml"), "utf8");

/** Imports this text of a tenant.yaml into a new tenant: the requests that change something. */
async function imported(yaml = TENANT) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "tenant-"));
  const input_file = path.join(directory, "tenant.yaml");
  fs.writeFileSync(input_file, yaml);
  const { fetch } = globalThis;
  const requests = [];
  globalThis.fetch = async (url, { method, body }) => {
    const { pathname, hostname } = new URL(url);
    if (hostname !== CONFIG.AUTH0_DOMAIN) throw new Error(`a request to ${hostname}`);
    const request = { method, path: pathname.replace(/^\/api\/v2/, ""), body: body && JSON.parse(body) };
    if (method !== "GET") requests.push(request);
    return Response.json(answer(request, requests));
  };
  try {
    const config = { ...CONFIG, AUTH0_ACCESS_TOKEN: "made-up", AUTH0_BASE_PATH: __dirname, AUTH0_API_MAX_RETRIES: 0 };
    await deploy({ input_file, config });
    return requests;
  } finally {
    globalThis.fetch = fetch;
    fs.rmSync(directory, { recursive: true });
  }
}

/** A tenant as it is made: with the default connection, and otherwise what was created before. */
function answer({ method, path, body }, requests) {
  const created = (path) => requests.filter((one) => one.method === "POST" && one.path === path).map((one) => one.body);
  const connection = { id: "con_1", name: NAMES.CONNECTION, strategy: "auth0", options: { disable_signup: true } };
  if (method !== "GET") return { ...body, id: "id_1", client_id: "client_1" };
  if (path === "/clients") return { clients: created(path).map((one) => ({ ...one, client_id: "client_1" })) };
  if (path === "/connections/con_1/clients") return { clients: [] };
  if (path === "/connections/con_1") return connection;
  if (path === "/connections") return { connections: [connection] };
  if (path === "/actions/actions") {
    return { actions: created(path).map((one) => ({ ...one, id: "id_1", status: "built" })) };
  }
  return [];
}

/** The Management API's types of these requests' bodies, by Auth0's own SDK. */
const TYPES = [
  [/^POST \/clients$/, "CreateClientRequestContent"],
  [/^POST \/resource-servers$/, "CreateResourceServerRequestContent"],
  [/^PATCH \/connections\/[^/]+$/, "UpdateConnectionRequestContent"],
  [/^PATCH \/connections\/[^/]+\/clients$/, "UpdateEnabledClientConnectionsRequestContent"],
  [/^POST \/actions\/actions\/[^/]+\/deploy$/, null],
  [/^POST \/actions\/actions$/, "CreateActionRequestContent"],
  [/^PATCH \/actions\/triggers\/[^/]+\/bindings$/, "UpdateActionBindingsRequestContent"],
  [/^PUT \/guardian\/factors\/[^/]+$/, "SetGuardianFactorRequestContent"],
  [/^PUT \/guardian\/policies$/, "SetGuardianPoliciesRequestContent"],
];

/** For each request what the Management API's types say against it: an unknown field, a wrong value. */
function complaints(requests) {
  const sources = requests.map(({ method, path, body }) => {
    const known = TYPES.find(([pattern]) => pattern.test(`${method} ${path}`));
    if (!known) throw new Error(`no type is known for ${method} ${path}`);
    const type = known[1];
    if (type === null) return "";
    return `import { Management } from "auth0";\nexport const body: Management.${type} = ${JSON.stringify(body)};\n`;
  });
  const name = (number) => path.join(__dirname, `request-${number}.ts`);
  const options = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.Node16,
    moduleResolution: ts.ModuleResolutionKind.Node16,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  const source = (file) => sources[sources.findIndex((_, number) => name(number) === path.resolve(file))];
  host.fileExists = (file) => source(file) !== undefined || fileExists(file);
  host.readFile = (file) => source(file) ?? readFile(file);
  host.getSourceFile = (file, target) =>
    source(file) === undefined ? getSourceFile(file, target) : ts.createSourceFile(file, source(file), target);
  const program = ts.createProgram(sources.map((_, number) => name(number)), options, host);
  return sources.map((_, number) => {
    const found = ts.getPreEmitDiagnostics(program, program.getSourceFile(name(number)));
    return found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, " "));
  });
}

module.exports = { imported, complaints, TENANT, NAMES };
