// What a React developer has: a server for the page that passes `/api` on, so that all is one origin. It is Vite's
// `server.proxy: { "/api": "http://localhost:3000" }`: the browser's `Host` is kept, and the functions see a request
// of their own origin.

import { createServer, request } from "node:http";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const HTML = `<!doctype html><html lang="en"><meta charset="utf-8"><title>React</title><div id="root"></div><script type="module" src="/app.js"></script></html>`;
const POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src data:";

/** Serves the page before the stack until the test `t` ends; its address. */
export async function serve(t, stack) {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("app.jsx", import.meta.url))],
    bundle: true,
    format: "esm",
    jsx: "automatic",
    minify: true,
    define: { "process.env.NODE_ENV": '"production"' },
    write: false,
  });
  const files = { "/": ["text/html; charset=utf-8", HTML], "/app.js": ["text/javascript; charset=utf-8", outputFiles[0].text] };
  const server = createServer((incoming, outgoing) => {
    if (incoming.url.startsWith("/api/")) return pass(incoming, outgoing, stack.port);
    const [type, content] = files[incoming.url] ?? ["text/plain", ""];
    outgoing.writeHead(content ? 200 : 404, { "content-type": type, "content-security-policy": POLICY }).end(content);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://localhost:${server.address().port}`;
}

function pass(incoming, outgoing, port) {
  const { method, url: path, headers } = incoming;
  const onward = request({ host: "localhost", port, method, path, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode, answer.rawHeaders);
    answer.pipe(outgoing);
  });
  onward.on("error", () => outgoing.writeHead(502).end());
  incoming.pipe(onward);
}
