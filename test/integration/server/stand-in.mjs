// Stands where the Python server stands, for tests of what starts and asks it. Its behaviour is `about.behaviour` of the configuration.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";

const config = JSON.parse(readFileSync(process.argv.at(-1) ?? "", "utf8"));
const { behaviour } = config.about;

const status = {
  pid: process.pid,
  workers: [process.pid],
  listen: config.listen,
  generation: config.generation,
  certificates: [],
  policy: { argv: process.argv.slice(2), environment: process.env, cwd: process.cwd() },
  configDigest: "",
  libssl: config.libssl,
  lastError: null,
};

function answer(command) {
  if (behaviour === "garbage") return "not JSON";
  if (behaviour === "other") return JSON.stringify({ ok: true, status: { pid: "one" } });
  if (command === "status") return JSON.stringify({ ok: true, status });
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
        rmSync(config.paths.pid, { force: true });
        server.close();
        setTimeout(() => process.exit(0), 50);
      }
    });
  });
  rmSync(config.paths.control, { force: true });
  server.listen(config.paths.control);
  const start = readFileSync(`/proc/${process.pid}/stat`, "utf8").split(") ").at(-1)?.split(" ")[19];
  writeFileSync(config.paths.pid, `${process.pid}\n${start}\n`);
  writeFileSync(config.paths.log, "earlier\nnow listening on everything\n");
}

if (behaviour === "silent") {
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
