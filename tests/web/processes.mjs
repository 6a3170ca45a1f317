// The simulated Dify and the gateway as processes of their own: started, killed, started again.
//
// Both listen at ports of the system's choice and are waited for by the line that says so. What
// they said is in `log`. None outlives this process.

import { spawn } from "node:child_process";
import { randomInt, randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";

const CRASHED = /Sanitizer|runtime error|Assertion/;
const START_MS = 30_000; // safety nets: a sanitized build on a busy machine is slow
const END_MS = 30_000;

const alive = new Set();
process.on("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(1));

/** A program whose standard error is read; `listening` finds the line that says it is there. */
class Program {
  constructor(words, environment) {
    this.log = "";
    this.ended = null;
    this.child = spawn(words[0], words.slice(1), {
      env: { ...process.env, ...environment },
      stdio: ["ignore", "ignore", "pipe"],
    });
    alive.add(this.child);
    this.over = new Promise((done) => {
      this.child.once("error", (error) => {
        this.log += String(error);
        alive.delete(this.child);
        done((this.ended = { status: 127, signal: null }));
      });
      this.child.once("close", (status, signal) => {
        alive.delete(this.child);
        done((this.ended = { status, signal }));
      });
    });
    this.child.stderr.setEncoding("utf8");
    this.child.stderr.on("data", (text) => {
      this.log += text;
      this.heard?.();
    });
  }

  /** The match of `pattern` in what it says; null if it ended before. */
  async says(pattern, ms = START_MS) {
    const late = new Promise((_, fail) => {
      this.timer = setTimeout(() => fail(new Error(`not a word of ${pattern}: ${this.log}`)), ms);
    });
    const found = new Promise((done) => {
      this.heard = () => {
        const match = this.log.match(pattern);
        if (match) done(match);
      };
      this.over.then(() => done(this.log.match(pattern)));
      this.heard();
    });
    try {
      return await Promise.race([found, late]);
    } finally {
      clearTimeout(this.timer);
      this.heard = null;
    }
  }

  async end(signal) {
    const timer = setTimeout(() => this.child.kill("SIGKILL"), END_MS);
    if (!this.ended) this.child.kill(signal);
    await this.over;
    clearTimeout(timer);
    if (CRASHED.test(this.log)) throw new Error(`it crashed: ${this.log.slice(-6000)}`);
    return this.ended;
  }
}

const SIMULATOR_IS_THERE = / at http:\/\/127\.0\.0\.1:(\d+)\/v1\n/;
const GATEWAY_IS_THERE = /listening on (http:\/\/127\.0\.0\.1:(\d+))\n/;

/** `difystream sim`: `url` is its base, `keys` those of its apps. */
class Simulator {
  async start(program, scenarios, { speed = 1, faults = [], release, seed = 7 } = {}) {
    const words = [program, "sim", "--quiet", "--listen", "127.0.0.1:0", "--speed", String(speed),
      "--seed", String(seed), "--connections", "0", "--workers", "0",
      ...(release ? ["--release", release] : []),
      ...faults.flatMap((fault) => ["--fault", fault]), ...scenarios];
    this.program = new Program(words);
    const match = await this.program.says(SIMULATOR_IS_THERE);
    if (!match) throw new Error(`the simulator did not start: ${this.program.log}`);
    this.port = Number(match[1]);
    this.url = `http://127.0.0.1:${this.port}/v1`;
    await this.stats(); // what answers has told all its keys,
    await new Promise(setImmediate); // which have been read when this turn of the loop is over
    this.keys = [...this.program.log.matchAll(/^ {2}key (\S+)$/gm)].map((found) => found[1]);
    return this;
  }

  /** What it has counted: /sim/stats. Each time by a connection of its own: as Dify it closes those
   *  that are idle for 2 s, perhaps while they are used again. */
  async stats() {
    const address = `http://127.0.0.1:${this.port}/sim/stats`;
    return (await fetch(address, { headers: { connection: "close" } })).json();
  }

  async end() {
    await this.program.end("SIGTERM");
  }
}

/** A port that the system gives to nobody who asks for any: while the gateway is down it stays
 *  free. */
async function quietPort() {
  const range = await readFile("/proc/sys/net/ipv4/ip_local_port_range", "ascii");
  const [first, last] = range.trim().split(/\s+/).map(Number);
  const below = first - 10_000;
  const at = randomInt(below + 65_535 - last);
  return at < below ? 10_000 + at : last + 1 + (at - below);
}

function bearer(token) {
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/** `difystream serve`: see Kit.gateway. */
class Gateway {
  constructor(program, apps, settings, folder) {
    this.program = program;
    this.folder = folder;
    this.path = join(folder, `gateway-${randomUUID().slice(0, 8)}.yaml`);
    const store = { path: join(folder, "runs.db") };
    this.settings = { apps, store, drain_timeout: 0, ...settings };
    this.log = "";
    this.onDown = () => {};
  }

  /** Starts it, at first or again: then at the same port and with the same store. */
  async start() {
    for (let tries = 0; tries < 100; tries++) {
      const port = this.port ?? await quietPort();
      const settings = { listen: `127.0.0.1:${port}`, ...this.settings };
      await writeFile(this.path, JSON.stringify(settings), { mode: 0o600 }); // JSON is YAML
      this.running = new Program([this.program, "serve", "--config", this.path], {
        HOME: this.folder,
        TMPDIR: this.folder,
      });
      const match = await this.running.says(GATEWAY_IS_THERE);
      if (match) {
        this.port = Number(match[2]);
        this.url = match[1] + "/";
        return this;
      }
      if (this.port || !this.running.log.includes("in use")) {
        throw new Error(`the gateway did not start: ${this.running.log}`);
      }
    }
    throw new Error("no port is free");
  }

  /** kill -9. */
  async kill() {
    this.onDown();
    await this.running.end("SIGKILL");
    this.log += this.running.log;
  }

  /** Asks it to end, and waits for that. */
  async stop() {
    this.onDown();
    const { status } = await this.running.end("SIGTERM");
    this.log += this.running.log;
    if (status !== 0) throw new Error(`the gateway ended with ${status}: ${this.log.slice(-6000)}`);
  }

  async end() {
    if (!this.running.ended) await this.stop();
  }

  /** Asks a route, such as "api/runs"; what it answers, as JSON. */
  async ask(path, options = {}) {
    const { token, json, ...more } = options;
    const headers = { ...bearer(token), ...more.headers };
    if (json !== undefined) {
      headers["Content-Type"] = "application/json";
      more.body = JSON.stringify(json);
      more.method ??= "POST";
    }
    const answer = await fetch(this.url + path, { ...more, headers });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  /** Starts a run without waiting for it; its run_id. */
  async run(order = {}, token) {
    const headers = { Prefer: "respond-async" };
    return (await this.ask("api/runs", { token, headers, json: order })).run_id;
  }

  /** A run's result, once there is one. */
  async result(run, token) {
    const headers = { Accept: "text/event-stream", ...bearer(token) };
    const answer = await fetch(`${this.url}api/runs/${run}/events`, { headers });
    const end = (await answer.text()).split("\n\n").find((frame) => /^event: end$/m.test(frame));
    if (!end) throw new Error(`the stream of ${run} has no end`);
    return JSON.parse(end.match(/^data: (.*)$/m)[1]);
  }
}

/** Starts a simulated Dify. `scenario` is a path, or several, or the name of a file of
 *  tests/web/scenarios. */
export async function startSimulator({ program, here }, scenario, options) {
  const paths = [scenario].flat().map((name) =>
    basename(name) === name ? join(here, "scenarios", name) : resolve(name));
  return new Simulator().start(program, paths, options);
}

/** Starts a gateway before simulators: their apps are its apps, named by their keys without
 *  "app-". `apps` gives some of them settings. It ends with its folder, the store in it. */
export async function startGateway({ program }, simulators, { apps = {}, ...settings } = {}) {
  const configured = {};
  for (const simulator of simulators) {
    for (const key of simulator.keys) {
      const name = key.replace(/^app-/, "");
      configured[name] = { base_url: simulator.url, api_key: key, ...apps[name] };
    }
  }
  const folder = await mkdtemp(join(tmpdir(), "difystream-web-"));
  const gateway = new Gateway(program, configured, settings, folder);
  const end = gateway.end.bind(gateway);
  gateway.end = async () => {
    try {
      await end();
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
  return gateway.start();
}
