/**
 * Runs the tests that this machine allows and says which it left out and why:
 *
 *   npm test [-- VITEST-ARGUMENT…]    arguments (files, -t NAME) choose among the vitest tests; pytest and mypy are then left out
 *   npm run test:all                  installs what the tests need (as root, on Debian) and fails when any is left out
 *
 * `--keep FILE` keeps the results; `--after FILE` counts the test files that passed whole there as they are, and runs the others.
 *
 * The last line counts: `N passed, N failed`, with `, N skipped` when there are any.
 */
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const serverFolder = join(root, "recipes", "hardened-server");
const work = mkdtempSync(join(tmpdir(), "tlsforge-test-"));
const given = process.argv.slice(2);
const all = taken("--all") !== undefined;
const keep = taken("--keep", 1);
const after = taken("--after", 1);
const chosen = given;

let outcome = 1;
try {
  if (all) installPrograms();
  const results = [await runVitest(), ...(chosen.length > 0 ? [] : [await runPytest(), await runMypy()])];
  outcome = report(results);
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.exitCode = outcome;

/** Takes an option and its value out of what was given: the last word of it; undefined when it is not there. */
function taken(option, values = 0) {
  const at = given.indexOf(option);
  return at === -1 ? undefined : given.splice(at, 1 + values).at(-1);
}

/** Lists failures and what was left out, then the counts; gives the exit code. */
function report(results) {
  const [passed, failed, skipped] = ["passed", "failed", "skipped"].map((name) =>
    results.flatMap((result) => result[name]),
  );
  if (failed.length > 0) write(["", "Failed:", ...failed.map((name) => `  ${name}`)]);
  if (skipped.length > 0) write(["", "Skipped:", ...grouped(skipped)]);
  if (all && skipped.length > 0) write(["", "npm run test:all allows no skip."]);
  write([
    "",
    `${passed.length} passed, ${failed.length} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ""}`,
  ]);
  return failed.length > 0 || passed.length === 0 || (all && skipped.length > 0) ? 1 : 0;
}

/** Names below their common reason: "(needs …)" in a suite's name, or what pytest gave. */
function grouped(names) {
  const groups = new Map();
  for (const name of names) {
    const reason = /\((needs [^)]*(?:\([^)]*\)[^)]*)*)\)/.exec(name)?.[1] ?? "for a reason of its own";
    groups.set(reason, [...(groups.get(reason) ?? []), name.replace(` (${reason})`, "")]);
  }
  return [...groups].flatMap(([reason, group]) => [`  ${reason}:`, ...group.map((name) => `    ${name}`)]);
}

// --- vitest -------------------------------------------------------------------------------------------------------

async function runVitest() {
  const file = join(work, "vitest.json");
  const program = join(root, "node_modules", "vitest", "vitest.mjs");
  const before = after === undefined ? [] : passedWhole(JSON.parse(readFileSync(after, "utf8")));
  const without = before.map((suite) => `--exclude=${inCheckout(suite.name)}`);
  const argv = [program, "run", "--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  argv.push(...without, ...chosen);
  const status = await run(process.execPath, argv, { ...process.env, ...(all ? { TLSFORGE_TEST_ALL: "1" } : {}) });
  const result = { passed: [], failed: [], skipped: [] };
  if (existsSync(file)) collect(JSON.parse(readFileSync(file, "utf8")), result);
  if (existsSync(file) && keep !== undefined) copyFileSync(file, keep);
  collect({ testResults: before }, result);
  // An error outside of any test: a file that does not load, a promise that nobody waited for, a worker that died.
  if (status !== 0 && result.failed.length === 0) result.failed.push(`vitest itself (exit ${status})`);
  return result;
}

function collect(json, result) {
  for (const suite of json.testResults) {
    const file = inCheckout(suite.name);
    const broken = suite.status === "failed" && suite.assertionResults.every((test) => test.status !== "failed");
    for (const test of suite.assertionResults) {
      const kind = test.status === "passed" || test.status === "failed" ? test.status : "skipped";
      // After a hook has failed its tests count as skipped: they are not, the file has failed.
      if (kind === "skipped" && broken && !test.fullName.includes("(needs ")) continue;
      result[kind].push(`${file}: ${test.fullName.trim()}`);
    }
    if (broken) result.failed.push(`${file}: ${firstLine(suite.message) || "a hook failed, its tests did not run"}`);
  }
}

/** The test files of kept results in which no test failed and none was left out. */
function passedWhole(json) {
  return json.testResults.filter(
    ({ status, assertionResults: tests }) => status === "passed" && tests.every((test) => test.status === "passed"),
  );
}

function inCheckout(file) {
  return file.replace(`${root}/`, "");
}

// --- pytest and mypy of the server --------------------------------------------------------------------------------

async function runPytest() {
  const result = { passed: [], failed: [], skipped: [] };
  const { python, path, reason } = serverPython("pytest");
  if (reason !== undefined) {
    result.skipped.push(`recipes/hardened-server: pytest (needs ${reason})`);
    return result;
  }
  const file = join(work, "pytest.xml");
  const environment = { ...pythonEnvironment(path), ...linkedLibssl(python) };
  write(["", `pytest of recipes/hardened-server with ${python}`]);
  const argv = ["-m", "pytest", "-p", "no:cacheprovider", `--junitxml=${file}`];
  const status = await run(python, argv, environment, serverFolder);
  if (existsSync(file)) collectXml(readFileSync(file, "utf8"), result);
  if (status !== 0 && result.failed.length === 0)
    result.failed.push(`recipes/hardened-server: pytest itself (exit ${status})`);
  return result;
}

/** The server's types, strictly, as one test: it passes when mypy finds nothing. */
async function runMypy() {
  const name = "recipes/hardened-server: mypy";
  const { python, path, reason } = serverPython("mypy", "pytest");
  if (reason !== undefined) return { passed: [], failed: [], skipped: [`${name} (needs ${reason})`] };
  write(["", `mypy of recipes/hardened-server with ${python}`]);
  const status = await run(python, ["-m", "mypy"], pythonEnvironment(path), serverFolder);
  return { passed: status === 0 ? [name] : [], failed: status === 0 ? [] : [`${name} (exit ${status})`], skipped: [] };
}

function pythonEnvironment(path) {
  return { ...process.env, PYTHONDONTWRITEBYTECODE: "1", ...(path === undefined ? {} : { PYTHONPATH: path }) };
}

/** A Python that has the server's packages and these tools; with --all they are put into a folder of their own when one is missing. */
function serverPython(...tools) {
  const prefix = process.env.TLSFORGE_TEST_PREFIX;
  const candidates = [
    process.env.TLSFORGE_TEST_PYTHON,
    ...(prefix ? [join(prefix, "bin", "python"), join(prefix, "bin", "python3")] : []),
    "python3",
  ].filter(Boolean);
  const python = candidates.find((candidate) => imports(candidate, "twisted, OpenSSL, service_identity, wsproto"));
  if (python === undefined)
    return { reason: "a Python with Twisted, pyOpenSSL and wsproto: set TLSFORGE_TEST_PYTHON or TLSFORGE_TEST_PREFIX" };
  if (imports(python, tools.join(", "))) return { python };
  if (!all) return { reason: `${tools.join(" and ")} for ${python}` };
  const path = join(work, tools.join("-"));
  const venv = join(work, "venv");
  const steps = [
    ["python3", "-m", "venv", venv],
    // An older pip cannot install for a newer Python than its own.
    [join(venv, "bin", "pip"), "install", "--quiet", "--upgrade", "pip"],
    [join(venv, "bin", "pip"), "--python", python, "install", "--quiet", "--target", path, ...tools],
  ];
  const failed = steps.find(([program, ...argv]) => spawnSync(program, argv, { stdio: "inherit" }).status !== 0);
  return failed === undefined
    ? { python, path }
    : { reason: `${tools.join(" and ")} for ${python} (${failed.join(" ")} failed)` };
}

/** For the server's tests: the libssl that this Python's cryptography is linked to; a wheel brings its own inside and names none. */
function linkedLibssl(python) {
  const look = "import cryptography.hazmat.bindings._rust as r; print(open('/proc/self/maps').read())";
  const { status, stdout } = spawnSync(python, ["-c", look], { encoding: "utf8" });
  const library = status === 0 ? /(\/\S*\/libssl[^/\s]*\.so[^/\s]*)$/m.exec(stdout)?.[1] : undefined;
  return library === undefined ? {} : { TLSFORGE_TEST_LIBSSL: library };
}

function imports(python, names) {
  return spawnSync(python, ["-c", `import ${names}`], { stdio: "ignore" }).status === 0;
}

function collectXml(xml, result) {
  for (const [, head = "", body = ""] of xml.matchAll(/<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
    const name = `recipes/hardened-server: ${attribute(head, "classname")}.${attribute(head, "name")}`;
    const skip = /<skipped [^>]*/.exec(body)?.[0];
    if (/<(failure|error)\b/.test(body)) result.failed.push(name);
    else if (skip !== undefined)
      result.skipped.push(`${name} (needs ${attribute(skip, "message").replaceAll(/[()]/g, "")})`);
    else result.passed.push(name);
  }
}

function attribute(text, name) {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(text)?.[1] ?? "";
  return value
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#10;", " ")
    .replaceAll("&amp;", "&");
}

// --- the machine --------------------------------------------------------------------------------------------------

/** Installs the Debian packages of programs that are missing; elsewhere the tests that need them say so. */
function installPrograms() {
  const packages = JSON.parse(readFileSync(join(root, "test", "tools", "programs.json"), "utf8"));
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/local/sbin", "/usr/sbin", "/sbin"];
  const missing = Object.keys(packages).filter((name) => !folders.some((folder) => existsSync(join(folder, name))));
  if (missing.length === 0 || process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return;
  const names = [...new Set(missing.map((name) => packages[name]))];
  write([`installing ${names.join(" ")}`]);
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const options = { env: environment, encoding: "utf8" };
  for (const argv of [["update"], ["install", "-y", "--no-install-recommends", ...names]]) {
    const { status, stdout, stderr } = spawnSync("apt-get", argv, options);
    if (status !== 0)
      write([stdout, stderr, `apt-get ${argv[0]} failed; the tests that need these packages are skipped`]);
  }
}

/** Runs a program on our terminal; gives its exit status. */
async function run(program, argv, environment, cwd = root) {
  const child = spawn(program, argv, { cwd, env: environment, stdio: ["ignore", "inherit", "inherit"] });
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => child.kill(signal));
  return await new Promise((done, failed) => {
    child.on("error", failed);
    child.on("close", (code, signal) => done(code ?? signal));
  });
}

function firstLine(text) {
  return (text ?? "").split("\n")[0];
}

function write(lines) {
  process.stdout.write(`${lines.join("\n")}\n`);
}
