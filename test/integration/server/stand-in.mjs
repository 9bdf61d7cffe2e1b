// Stands where the Python server stands, for tests of what starts and asks it. Its behaviour is `about.behaviour` of the configuration.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { createHash } from "node:crypto";
import { join } from "node:path";

const bundle = JSON.parse(readFileSync(0, "utf8"));
const config = JSON.parse(bundle.config);
const { behaviour } = config.about;
const role = process.argv.includes("--trial") ? "trial" : "server";
const socket = join(config.paths.run, `${role}.sock`);
const pidFile = join(config.paths.run, `${role}.pid`);

const status = {
  pid: process.pid,
  role: role === "trial" ? "trial" : "serving",
  until: null,
  workers: [process.pid],
  listen: config.listen,
  generation: config.generation,
  certificates: [],
  policy: { argv: process.argv.slice(2), environment: process.env, cwd: process.cwd(), files: bundle.files },
  configDigest: createHash("sha256").update(bundle.config).digest("hex"),
  libssl: config.libssl,
  lastError: null,
};

function answer(command) {
  if (behaviour === "garbage") return "not JSON";
  if (behaviour === "other") return JSON.stringify({ ok: true, status: { pid: "one" } });
  if (command === "status") return JSON.stringify({ ok: true, status });
  if (command === "take-over" && behaviour === "taken") {
    return JSON.stringify({
      ok: false,
      error: { code: "take-over-refused", message: "127.0.0.1:8443 overlaps what serves", hint: "launch it" },
    });
  }
  if (command === "take-over") return JSON.stringify({ ok: true, status: { ...status, role: "serving" } });
  if (command === "reload" && behaviour === "bad-pair") {
    return JSON.stringify({
      ok: false,
      error: { code: "certificate-refused", message: "/k.pem does not belong", hint: "renew it" },
    });
  }
  return JSON.stringify(
    command === "reload" ? { ok: true, status: { ...status, generation: status.generation + 1 } } : { ok: true },
  );
}

function serve() {
  const server = createServer((socket) => {
    socket.on("data", (data) => {
      const { command } = JSON.parse(data.toString());
      if (behaviour === "mute") return;
      socket.write(`${answer(command)}\n`);
      if (command === "stop" && behaviour !== "stays") {
        rmSync(pidFile, { force: true });
        server.close();
        setTimeout(() => process.exit(0), 50);
      }
    });
  });
  rmSync(socket, { force: true });
  server.listen(socket);
  const start = readFileSync(`/proc/${process.pid}/stat`, "utf8").split(") ").at(-1)?.split(" ")[19];
  writeFileSync(pidFile, `${process.pid}\n${start}\n`);
  writeFileSync(config.paths.log, "earlier\nnow listening on everything\n");
}

if (process.argv.includes("--check") && !behaviour.startsWith("{")) {
  process.exitCode = 0;
} else if (behaviour === "silent") {
  setInterval(() => {}, 1000);
} else if (behaviour === "crash") {
  process.stderr.write("Traceback (most recent call last):\nImportError: no module named tlsforge_server\n");
  process.exitCode = 1;
} else if (behaviour.startsWith("{")) {
  process.stderr.write(`a warning of Python's\n{"error": ${behaviour}}\n`);
  process.exitCode = 1;
} else {
  serve();
}
