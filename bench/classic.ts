/** OpenSSL and Python built by hand the way it was done in 2013: serial, with documentation and static objects. Takes ten minutes and more. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { ForgeError } from "../src/errors.ts";
import type { Receipt } from "../src/store/index.ts";
import type { HandBuild, HandRecord, HandStep } from "./support/by-hand.ts";
import { machineText, watchMachine } from "./support/machine.ts";
import { measure } from "./support/measure.ts";
import { prefixOf, runProgram, say, type Arguments } from "./support/program.ts";
import { readJson, readReceipts } from "./support/receipts.ts";
import { round } from "./support/statistics.ts";
import { table } from "./support/table.ts";

interface Result extends HandRecord {
  readonly file: string;
}

/** Where the work goes, below the folder of `--out`. */
interface Places {
  readonly out: string;
  readonly local: string;
  readonly record: string;
}

await runProgram({
  name: "classic",
  summary:
    "The OpenSSL and Python versions of a prefix, built by hand as in 2013 (serial make, documentation and static objects included), for bench:cold --classic.",
  options: {
    prefix: { value: "DIR", help: "a prefix that tlsforge built: tells the versions (default: tlsforge's own)" },
    out: { value: "DIR", help: "where to build; classic.json and the logs are left there" },
    only: { value: "NAME", help: "openssl or python; what classic.json has of the other is kept" },
  },
  run,
  text,
});

async function run(given: Arguments, signal: AbortSignal): Promise<Result> {
  const out = given.path("out");
  if (out === undefined) throw new ForgeError("usage", "--out DIR is wanted", { hint: "name a folder for the work" });
  const only = given.text("only");
  if (only !== undefined && only !== "openssl" && only !== "python") {
    throw new ForgeError("usage", `--only wants openssl or python, not ${only}`);
  }
  const prefix = prefixOf(given);
  const places = { out, local: path.join(out, "local"), record: path.join(out, "classic.json") };
  const wanted = only === undefined ? ["openssl", "python"] : [only];
  const sources = wanted.map((recipe) => sourceOf(recipe, prefix));
  mkdirSync(path.join(out, "build"), { recursive: true });
  let builds = existsSync(places.record) ? readJson<HandRecord>(places.record).builds : [];
  for (const source of sources) {
    // A Python needs the OpenSSL that lies in `local`: a new one makes an earlier Python void.
    if (source.recipe === "openssl") {
      rmSync(places.local, { recursive: true, force: true });
      builds = [];
    }
    const built = await buildByHand(source, places, signal);
    builds = [...builds.filter((build) => build.recipe !== source.recipe), built];
    store(places.record, { schema: "tlsforge.bench/1", bench: "classic", builds });
  }
  return { schema: "tlsforge.bench/1", bench: "classic", builds, file: places.record };
}

interface HandSource {
  readonly recipe: string;
  readonly version: string;
  readonly sha256: string;
  readonly archive: string;
}

/** The verified source that a prefix's build was made from. */
function sourceOf(recipe: string, prefix: string): HandSource {
  const receipt = readReceipts(prefix).find((one: Receipt) => one.recipe === recipe);
  const sha256 = receipt?.sources.find((source) => source.name === recipe)?.sha256;
  if (receipt === undefined || sha256 === undefined) {
    throw new ForgeError("not-found", `${prefix} has no receipt of ${recipe}`, { hint: "provision or build it first" });
  }
  const caches = [path.join(os.homedir(), ".cache/tlsforge/sources"), path.join(prefix, "cache/sources")];
  const archive = caches.map((folder) => path.join(folder, sha256)).find((file) => existsSync(file));
  if (archive === undefined) {
    throw new ForgeError("source-unavailable", `the source of ${recipe} ${receipt.version} is in no cache`, {
      details: caches,
    });
  }
  return { recipe, version: receipt.version, sha256, archive };
}

async function buildByHand(source: HandSource, places: Places, signal: AbortSignal): Promise<HandBuild> {
  const folder = path.join(places.out, "build", source.recipe);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const log = path.join(places.out, `${source.recipe}.log`);
  rmSync(log, { force: true });
  const machine = watchMachine();
  const steps: HandStep[] = [];
  const step = async (name: HandStep["step"], argv: readonly string[], directory: string): Promise<void> => {
    say(`${source.recipe} ${source.version}: ${argv.join(" ")}`);
    const run = await measure({ argv, directory, environment: environmentOf(places) }, { log, signal });
    signal.throwIfAborted();
    if (run.exitCode !== 0) {
      throw new ForgeError("build-failed", `${argv.join(" ")} ended with exit ${run.exitCode}`, { details: [log] });
    }
    steps.push({ step: name, argv, wallSeconds: round(run.wallSeconds), cpuSeconds: round(run.cpuSeconds) });
  };
  await step("unpack", ["tar", "-x", "-f", source.archive, "--no-same-owner"], folder);
  const tree = path.join(folder, readdirSync(folder)[0] ?? "");
  await step("configure", configureOf(source.recipe, places), tree);
  await step("make", ["make"], tree);
  await step("install", ["make", "install"], tree);
  const counted = steps.filter(({ step: name }) => name !== "unpack");
  const total = (name: "wallSeconds" | "cpuSeconds"): number => round(counted.reduce((sum, one) => sum + one[name], 0));
  const { recipe, version, sha256 } = source;
  const proof = await prove(source, places, signal);
  const [wallSeconds, cpuSeconds] = [total("wallSeconds"), total("cpuSeconds")];
  return {
    recipe,
    version,
    sha256,
    steps,
    wallSeconds,
    cpuSeconds,
    proof,
    machine: machine(steps.reduce((sum, one) => sum + one.cpuSeconds, 0)),
  };
}

function configureOf(recipe: string, { local }: Places): readonly string[] {
  return recipe === "openssl"
    ? ["./config", `--prefix=${local}`, `--openssldir=${local}/openssl`, "shared", "zlib"]
    : [
        "./configure",
        `--prefix=${local}`,
        `CPPFLAGS=-I${local}/include`,
        `LDFLAGS=-L${libraries(local)} -Wl,-rpath,${libraries(local)}`,
      ];
}

/** Where this OpenSSL puts its libraries: `lib64` on some platforms. */
function libraries(local: string): string {
  return existsSync(path.join(local, "lib64")) ? path.join(local, "lib64") : path.join(local, "lib");
}

/** What a shell of the time would have had; nothing of the caller's flags, so that make stays serial. */
function environmentOf({ local, out }: Places): Readonly<Record<string, string>> {
  return {
    PATH: `${local}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
    LD_LIBRARY_PATH: `${local}/lib64:${local}/lib`,
    HOME: out,
    LANG: "C.UTF-8",
  };
}

/** Exit 0 of make is no evidence: Python builds without ssl when it finds no OpenSSL it likes. */
async function prove(source: HandSource, places: Places, signal: AbortSignal): Promise<string> {
  const { local } = places;
  const program = "import _hashlib, ssl, sys; print(sys.version.split()[0], ssl.OPENSSL_VERSION)";
  const argv =
    source.recipe === "openssl" ? [`${local}/bin/openssl`, "version"] : [`${local}/bin/python3`, "-c", program];
  const { exitCode, stdout } = await measure({ argv, environment: environmentOf(places) }, { signal });
  const said = stdout.trim();
  const wanted =
    source.recipe === "openssl" ? `OpenSSL ${source.version} ` : `${source.version} ${await openssl(places, signal)}`;
  if (exitCode === 0 && said.startsWith(wanted)) return said;
  throw new ForgeError("gate-failed", `${argv[0]} is not what was to be built`, {
    details: [`wanted ${wanted}`, `said ${said || `exit ${exitCode}`}`],
  });
}

/** The beginning of what the OpenSSL in `local` calls itself, such as `OpenSSL 3.5.7`. */
async function openssl(places: Places, signal: AbortSignal): Promise<string> {
  const argv = [`${places.local}/bin/openssl`, "version"];
  const { stdout } = await measure({ argv, environment: environmentOf(places) }, { signal });
  return stdout.split(" ").slice(0, 2).join(" ");
}

function store(file: string, record: HandRecord): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(record, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}

function text({ builds, file }: Result): string {
  const rows = builds.flatMap(({ recipe, version, steps, cpuSeconds, wallSeconds }) => [
    ...steps.map((one) => [`${recipe} ${version} ${one.step}`, one.cpuSeconds.toFixed(1), one.wallSeconds.toFixed(1)]),
    [`${recipe} ${version}, without unpacking`, cpuSeconds.toFixed(1), wallSeconds.toFixed(1)],
  ]);
  const last = builds.at(-1);
  return [
    table([["By hand", "CPU s", "wall s"], ...rows]),
    ...builds.map((build) => `Proof      ${build.recipe}: ${build.proof}\n`),
    `Record     ${file}\n`,
    last === undefined ? "" : machineText(last.machine),
  ].join("");
}
