// What stands between a browser and the gateway: a reverse proxy with a path of its own, and a
// network that breaks.
//
//     const proxy = await startProxy(gateway, "/tools/dify/");
//     proxy.cut();       // every connection is reset
//     proxy.freeze();    // nothing arrives any more, and nobody is told: a dead Wi-Fi, a lost NAT
//     proxy.thaw();

import http from "node:http";

// Fields that belong to one connection and not to the message.
const HOP = new Set(["connection", "keep-alive", "transfer-encoding", "upgrade"]);

function fields(headers) {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP.has(name)));
}

export async function startProxy(gateway, prefix = "/") {
  const frozen = new Set();
  let isFrozen = false;

  function pass(request, answer) {
    if (isFrozen) return; // it waits, as its client does
    if (!request.url.startsWith(prefix)) {
      answer.writeHead(404).end();
      return;
    }
    const upstream = http.request({
      host: "127.0.0.1",
      port: gateway.port,
      method: request.method,
      path: "/" + request.url.slice(prefix.length),
      headers: fields(request.headers),
      agent: false,
    });
    upstream.on("response", (from) => {
      answer.writeHead(from.statusCode, fields(from.headers));
      from.on("data", (bytes) => {
        if (!isFrozen && !frozen.has(answer)) answer.write(bytes);
      });
      from.on("end", () => { if (!frozen.has(answer)) answer.end(); });
      from.on("error", () => { if (!frozen.has(answer)) answer.destroy(); });
    });
    upstream.on("error", () => {
      if (frozen.has(answer)) return;
      if (answer.headersSent) answer.destroy();
      else answer.writeHead(502).end("bad gateway");
    });
    answer.on("close", () => upstream.destroy());
    open.add(answer);
    answer.on("close", () => open.delete(answer));
    request.pipe(upstream);
  }

  const open = new Set();
  const server = http.createServer(pass);
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address();
  return {
    port,
    url: `http://127.0.0.1:${port}${prefix}`,
    cut() {
      for (const answer of open) answer.socket?.resetAndDestroy();
    },
    freeze() {
      isFrozen = true;
      for (const answer of open) frozen.add(answer);
    },
    /** New requests go through again; what was frozen stays dead, as such connections do. */
    thaw() {
      isFrozen = false;
    },
    async end() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
