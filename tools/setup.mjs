/**
 * Makes a checkout ready and runs one of its programs:
 *
 *   node tools/setup.mjs                  set up, nothing more
 *   node tools/setup.mjs run FILE ARG…    set up when something changed, then run FILE with the Node of this repository
 *
 * Plain JavaScript for Node 18 and up, no dependencies. An older Node may only fetch ours: npm under it leaves out, with
 * exit 0, every native package whose `engines` ask for a newer one. So the Node package comes first and alone, and npm's
 * own program, run by that Node, installs the rest. Each result carries a stamp of what it was made from, written last.
 * `bin/tlsforge` then runs dist/ with the Node that was chosen.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { constants } from "node:os";
import { basename, delimiter, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { locked } from "./lock.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const nodeFolder = join(root, "tools", "node");
const pinnedNode = join(nodeFolder, "node_modules", ".bin", "node");
const modules = join(root, "node_modules");
const dist = join(root, "dist");
const wrapper = join(root, "bin", "tlsforge");
const lockFile = join(root, "tools", ".setup-lock");

/** A failure the user can do something about; anything else thrown is a bug and shows its stack. */
class SetupError extends Error {
  constructor(message, { hint, output, exitCode = 1 } = {}) {
    super(message);
    Object.assign(this, { hint, output, exitCode });
  }
}

const [command, file, ...args] = process.argv.slice(2);
try {
  if (command !== undefined && (command !== "run" || file === undefined)) {
    throw new SetupError(`unknown arguments: ${process.argv.slice(2).join(" ")}`, {
      hint: "use: node tools/setup.mjs [run FILE ARG…]",
      exitCode: 2,
    });
  }
  const node = await setUp();
  if (command === "run") process.exitCode = await run(node, [resolve(root, file), ...args]);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  if (error.output) process.stderr.write(`${error.output.trimEnd()}\n\n`);
  process.stderr.write(`error: ${error.message}\n`);
  if (error.hint) process.stderr.write(`hint: ${error.hint}\n`);
  process.exitCode = error.exitCode;
}

/** Does what is not done yet, one run at a time; gives the Node to use. */
async function setUp() {
  const ready = currentNode();
  if (ready !== null && modulesReady() && distReady() && wrapperReady(ready)) return ready;
  return await alone(async () => {
    const node = currentNode() ?? (await fetchNode());
    if (!modulesReady()) await installModules(node);
    if (!distReady()) await build(node);
    if (!wrapperReady(node)) writeWrapper(node);
    return node;
  });
}

async function alone(work) {
  try {
    return await locked(lockFile, (pid) => say(`waiting for another setup of this checkout (process ${pid})`), work);
  } catch (error) {
    if (!["EACCES", "EROFS", "EPERM"].includes(error.code)) throw error;
    throw new SetupError(`the checkout is not writable: ${error.message}`, {
      hint: "set up a checkout that belongs to you, or as its owner",
    });
  }
}

// --- Step 1: a Node to run on -------------------------------------------------------------------------------------

/** The pinned Node when it is there and meant for this machine, on platforms without one the running Node; null when it has to be fetched. */
function currentNode() {
  if (!pinnedFits()) return systemNode();
  const there = stampOf(join(nodeFolder, "node_modules")) === nodeStamp() && existsSync(pinnedNode);
  return there ? pinnedNode : null;
}

function nodeStamp() {
  return `${process.platform} ${process.arch} ${digest([join(nodeFolder, "package-lock.json")])}`;
}

/** Whether a pinned package exists for this platform: its binary wants glibc. */
function pinnedFits() {
  if (process.platform !== "linux" || !["x64", "arm64"].includes(process.arch)) return false;
  return !readdirSync("/lib").some((name) => name.startsWith("ld-musl-"));
}

function systemNode() {
  const wanted = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).engines.node;
  if (satisfies(process.versions.node, wanted)) return process.execPath;
  throw new SetupError(
    `Node ${process.versions.node} is too old, and there is no Node package for ${process.platform} ${process.arch} to fetch`,
    {
      hint: `install a Node that satisfies "${wanted}" (FreeBSD: pkg install node24 npm-node24; macOS: brew install node@24; Alpine: apk add nodejs npm), then run this again`,
    },
  );
}

/** Judges `a || b` of `^x.y.z` and `>=x.y.z`, the forms that `engines` uses. */
function satisfies(version, range) {
  const have = version.split(".").map(Number);
  return range.split("||").some((part) => {
    const [, operator, text] = /^\s*(\^|>=)(\d+(?:\.\d+){0,2})\s*$/.exec(part) ?? [];
    if (operator === undefined) throw new Error(`tools/setup.mjs cannot read the engines range "${part}"`);
    const want = text.split(".").map(Number);
    if (operator === "^" && have[0] !== want[0]) return false;
    const differs = [0, 1, 2].find((i) => have[i] !== (want[i] ?? 0));
    return differs === undefined || have[differs] > (want[differs] ?? 0);
  });
}

async function fetchNode() {
  if (!installedByHand(nodeFolder)) {
    say("fetching Node, this repository's own (once)");
    await npm(process.execPath, nodeFolder);
  }
  const binary = join(nodeFolder, "node_modules", `node-linux-${process.arch}`, "bin", "node");
  if (!existsSync(binary)) throw await leftOut(`node-linux-${process.arch}`);
  // npm 9 does not link the programs of optional packages.
  chmodSync(binary, 0o755);
  mkdirSync(dirname(pinnedNode), { recursive: true });
  rmSync(pinnedNode, { force: true });
  symlinkSync(relative(dirname(pinnedNode), binary), pinnedNode);
  const works = await capture(pinnedNode, ["--version"], root);
  if (works.status !== 0)
    throw new SetupError("the fetched Node does not run on this machine", {
      output: works.output,
      hint: "it needs glibc 2.28 or newer (Debian 10, RHEL 8)",
    });
  writeFileSync(join(nodeFolder, "node_modules", ".setup-stamp"), nodeStamp());
  return pinnedNode;
}

/** npm takes an optional package that it cannot download for one that is not wanted, with exit 0: asks it for the reason. */
async function leftOut(name) {
  const program = npmProgram();
  const argv = [program, "view", name, "version", "--fetch-retries=0", "--loglevel=warn"];
  const { status, output } = await capture(process.execPath, argv, nodeFolder, npmEnvironment(program));
  if (status !== 0) return new SetupError(`${name} could not be fetched`, { output, hint: npmHint(output) });
  return new SetupError(`npm ci left ${name} out although the registry has it`, {
    hint: "check `npm config get omit`, `npm config get os` and the free disk space, then run this again",
  });
}

// --- Step 2: the packages -----------------------------------------------------------------------------------------

function modulesStamp() {
  return `${process.platform} ${process.arch} ${digest([join(root, "package.json"), join(root, "package-lock.json")])}`;
}

function modulesReady() {
  return stampOf(modules) === modulesStamp();
}

async function installModules(node) {
  if (!installedByHand(root)) {
    say("installing the npm packages");
    await npm(node, root);
  }
  writeFileSync(join(modules, ".setup-stamp"), modulesStamp());
}

/** Whether a plain `npm ci` already left exactly what the lock file names, packages of this platform included. */
function installedByHand(folder) {
  const hidden = join(folder, "node_modules", ".package-lock.json");
  if (!existsSync(hidden)) return false;
  const { packages: present } = JSON.parse(readFileSync(hidden, "utf8"));
  const { packages: wanted } = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8"));
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === "" || present[path]?.integrity === entry.integrity) return true;
    return present[path] === undefined && entry.optional === true && !meantForUs(entry);
  });
}

/** Whether a package that names its platforms names this one; what names none is only needed by one that does. */
function meantForUs({ os, cpu, libc }) {
  if (os === undefined && cpu === undefined) return false;
  const allows = (list, name) => list === undefined || [list].flat().includes(name);
  return allows(os, process.platform) && allows(cpu, process.arch) && allows(libc, pinnedFits() ? "glibc" : "musl");
}

/** Runs `npm ci` in a folder; says nothing unless it fails. */
async function npm(node, folder) {
  const program = npmProgram();
  const options = ["--include=dev", "--include=optional", "--no-audit", "--no-fund", "--loglevel=warn"];
  const patience = ["--fetch-retry-mintimeout=2000", "--fetch-retry-factor=3"];
  const argv = [program, "ci", "--ignore-scripts", ...options, ...patience];
  const { status, output } = await capture(node, argv, folder, npmEnvironment(program));
  if (status === 0) return;
  throw new SetupError(`npm ci failed in ${folder} (exit ${status})`, { output, hint: npmHint(output) });
}

/** npm's own program: the one that runs us, the one on PATH, or the one beside Node. */
function npmProgram() {
  const places = [
    process.env.npm_execpath ?? "",
    ...(process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "npm")),
    join(dirname(realpathSync(process.execPath)), "..", "lib", "node_modules", "npm", "bin", "npm-cli.js"),
  ];
  for (const place of places) {
    if (place === "" || !existsSync(place)) continue;
    const real = realpathSync(place);
    if (basename(real) === "npm-cli.js") return real;
  }
  throw new SetupError("npm is missing", { hint: "install it (Debian: apt-get install npm), then run this again" });
}

/** The caller's environment without what the npm that runs us says of itself; registry, proxy, cache and certificates stay. */
function npmEnvironment(program) {
  const own =
    /^npm_(lifecycle_|package_|command$|execpath$|node_execpath$|config_(user_agent|node_gyp|local_prefix|global_prefix|prefix|init_module|npm_version|node_version|global|location|omit|include|production|only|dry_run|workspaces?)$)/i;
  const kept = Object.entries(process.env).filter(
    ([name, value]) => !own.test(name) && !(/^npm_config_/i.test(name) && value === ""),
  );
  const environment = { ...Object.fromEntries(kept), npm_config_update_notifier: "false" };
  delete environment.NODE_OPTIONS;
  // Debian's npm keeps its own dependencies where only Debian's Node looks by itself.
  const shared = join(dirname(dirname(dirname(program))), "semver");
  if (existsSync(shared)) environment.NODE_PATH = dirname(shared);
  return environment;
}

function npmHint(output) {
  // npm's way to say that it could not ask about the platform packages that the lock file leaves out.
  const unanswered = /Missing: \S+@ from lock file/;
  if (
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED|ERR_SOCKET_TIMEOUT/.test(output) ||
    unanswered.test(output)
  ) {
    return "the package registry could not be reached: check the network, the proxy (HTTPS_PROXY) and `npm config get registry`, then run this again";
  }
  if (/UNABLE_TO_.*CERT|SELF_SIGNED|CERT_HAS_EXPIRED/.test(output))
    return "the registry's certificate is not trusted: point NODE_EXTRA_CA_CERTS or `npm config set cafile` at the CA of your network";
  if (/EINTEGRITY/.test(output))
    return "a package differs from the one that the lock file names: do not use it; check `npm config get registry`";
  if (/E404|ETARGET|E401|E403/.test(output))
    return "the registry does not give a package of the lock file: check `npm config get registry` and its credentials";
  if (/ENOSPC/.test(output)) return "the disk is full: free about 500 MB, then run this again";
  if (/EACCES|EPERM|EROFS/.test(output))
    return `the checkout is not writable: use one that belongs to you, or give it to yourself (${root})`;
  return "npm's own words stand above; mend what it names, then run this again";
}

// --- Step 3: dist/ ------------------------------------------------------------------------------------------------

function distStamp() {
  return digest([
    ...filesBelow(join(root, "src")),
    ...["package-lock.json", "tsconfig.json", "rolldown.config.mjs"].map((name) => join(root, name)),
  ]);
}

function distReady() {
  return stampOf(dist) === distStamp();
}

/** Builds beside `dist/` and puts the whole in its place, so that what was deleted from `src/` is gone there too. */
async function build(node) {
  const stamp = distStamp();
  say("building dist/");
  const staged = `${dist}.new`;
  const old = `${dist}.old`;
  rmSync(staged, { recursive: true, force: true });
  rmSync(old, { recursive: true, force: true });
  const bundler = join(modules, "rolldown", "bin", "cli.mjs");
  const argv = [bundler, "-c", "rolldown.config.mjs", "--dir", staged];
  const { status, output } = await capture(node, argv, root);
  if (status !== 0) {
    rmSync(staged, { recursive: true, force: true });
    throw new SetupError("the sources do not compile", {
      output: stripVTControlCharacters(output),
      hint: "mend what is named above, or return to a clean checkout (git status)",
    });
  }
  writeFileSync(join(staged, ".setup-stamp"), stamp);
  if (existsSync(dist)) renameSync(dist, old);
  renameSync(staged, dist);
  rmSync(old, { recursive: true, force: true });
}

// --- bin/tlsforge -------------------------------------------------------------------------------------------------

/** A shell script that finds the checkout by its own place, so that both may move; a Node of the machine's own is named in full. */
function wrapperText(node) {
  const program = node === pinnedNode ? `"$root"/${relative(root, node)}` : `'${node.replaceAll("'", "'\\''")}'`;
  return [
    "#!/bin/sh",
    "# Runs tlsforge with the Node that tools/setup.mjs chose, which also wrote this file.",
    'root=$(dirname "$(dirname "$(readlink -f "$0")")")',
    `exec ${program} "$root"/dist/main.js "$@"`,
    "",
  ].join("\n");
}

function wrapperReady(node) {
  return existsSync(wrapper) && readFileSync(wrapper, "utf8") === wrapperText(node);
}

function writeWrapper(node) {
  mkdirSync(dirname(wrapper), { recursive: true });
  const staged = `${wrapper}.new`;
  writeFileSync(staged, wrapperText(node));
  chmodSync(staged, 0o755);
  renameSync(staged, wrapper);
}

// --- The program --------------------------------------------------------------------------------------------------

/** Runs a program on our terminal and hands its exit code on; a death by signal gives 128 and the signal's number. */
async function run(node, argv) {
  const environment = { ...process.env, PATH: [dirname(node), process.env.PATH].filter(Boolean).join(delimiter) };
  const child = spawn(node, argv, { stdio: "inherit", env: environment });
  // A terminal sends Ctrl-C to the whole group: the child has it already, and twice would mean something else.
  const terminal = process.stdin.isTTY || process.stderr.isTTY;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"]) {
    process.on(signal, () => {
      if (!(terminal && (signal === "SIGINT" || signal === "SIGQUIT"))) child.kill(signal);
    });
  }
  return await new Promise((done, failed) => {
    child.on("error", failed);
    child.on("exit", (code, signal) => done(signal === null ? code : 128 + constants.signals[signal]));
  });
}

/** Runs a program quietly; gives its exit status and everything it said. Ctrl-C ends it and us. */
async function capture(program, argv, cwd, environment = process.env) {
  const child = spawn(program, argv, { cwd, env: environment, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const stop = (signal) => {
    child.kill(signal);
    child.once("close", () => leave(128 + constants.signals[signal]));
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, stop);
  const status = await new Promise((done, failed) => {
    child.on("error", failed);
    child.on("close", (code, signal) => done(signal === null ? code : 128 + constants.signals[signal]));
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.off(signal, stop);
  return { status, output };
}

function leave(exitCode) {
  rmSync(lockFile, { force: true });
  process.exit(exitCode);
}

// --- Stamps and words -----------------------------------------------------------------------------------------------

function stampOf(folder) {
  const path = join(folder, ".setup-stamp");
  return existsSync(path) ? readFileSync(path, "utf8") : null;
}

/** A digest over names and contents, in the order given. */
function digest(files) {
  const hash = createHash("sha256");
  for (const path of files) hash.update(`${relative(root, path)}\0${statSync(path).size}\0`).update(readFileSync(path));
  return hash.digest("hex");
}

function filesBelow(folder) {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) =>
    entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)],
  );
}

function say(text) {
  process.stderr.write(`setup: ${text}\n`);
}
