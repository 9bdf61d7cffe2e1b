/**
 * Scenarios in a machine of their own: a shell script beside this file runs as root in a root that has nothing but tlsforge and a store that was
 * built here, and prints `ok NAME` or `not ok NAME: DETAIL` for each of its checks (lib.sh). A test file has one test for each `check "NAME"`
 * of its script, and a check without a line is a failure.
 */
import { mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { beforeAll, expect, test } from "vitest";
import { root } from "../../tools/checkout.ts";
import { describeWith, testPrefix, type Need } from "../../tools/needs.ts";
import { compile } from "../support.ts";

/** Those of bootroot, so that both have one base. */
const basePackages = "systemd systemd-sysv dbus iproute2 libcap2-bin procps python3-minimal";

type Copies = readonly (readonly [here: string, there: string])[];

/** What a root is given: the command line as it was set up here, the scenarios, and a prefix in which everything is built and nothing done. */
export async function provisions(folder: string): Promise<Copies> {
  const prefix = await realpath(testPrefix());
  const current = await realpath(join(prefix, "current"));
  const generation = join(folder, "generation");
  await execa("cp", ["-a", current, generation]);
  const manifest = JSON.parse(await readFile(join(current, "manifest.json"), "utf8")) as {
    readonly builds: readonly { readonly out: string }[];
  };
  // As `tlsforge build` leaves it: nothing of what this machine was done for it.
  const built = { ...manifest, host: [], fingerprint: "", tools: [], server: null, accepted: false, report: null };
  await writeFile(join(generation, "manifest.json"), JSON.stringify(built));
  await rm(join(generation, "server.json"), { force: true });
  await rm(join(generation, "report"), { recursive: true, force: true });
  const links = ["current", "bin", "lib", "include", "share", "layout"].map((name) => join(prefix, name));
  const own = ["bin", "dist", "recipes", "schema", "package.json"];
  return [
    ...own.map((name) => [join(root, name), `/root/tlsforge/${name}`] as const),
    [await realpath(process.execPath), "/root/tlsforge/tools/node/node_modules/.bin/node"],
    [import.meta.dirname, "/root/machine"],
    ...[...links, ...manifest.builds.map(({ out }) => out)].map((path) => [path, path] as const),
    [generation, current],
  ];
}

export interface Machine {
  /** The script beside this file. */
  readonly script: string;
  /** `systemd`: booted, with a network of its own; `plain`: no service manager. */
  readonly kind: "systemd" | "plain";
  readonly environment?: Readonly<Record<string, string>>;
  /** What `$label` stands for in the names of its checks. */
  readonly labels?: readonly string[];
  /** How long it may take. */
  readonly seconds?: number;
}

/** Runs a scenario to its end and gives what it printed. */
export async function runScenario({ script, kind, environment = {}, seconds = 300 }: Machine): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tlsforge-machine-"));
  try {
    const tool = join(root, "test", "tools", kind === "systemd" ? "bootroot" : "cleanroot");
    const copies = (await provisions(folder)).flatMap(([here, there]) => ["--in", `${here}:${there}`]);
    const settings = Object.entries(environment).map(([name, value]) => `${name}='${value}'`);
    const line = [...settings, `sh /root/machine/${script}`].join(" ");
    const argv =
      kind === "systemd"
        ? ["--timeout", String(seconds), ...copies, "--", line]
        : ["run", "--no-net", "--packages", basePackages, ...copies, "--", "sh", "-c", line];
    const { all, exitCode } = await execa(tool, argv, { all: true, reject: false });
    return `${all}\n# ended with ${exitCode ?? "a signal"}\n`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A suite of one scenario: it runs once, and each of its checks is a test. */
export function describeScenario(name: string, machine: Machine, needs: readonly Need[] = []): void {
  const checks = checksOf(machine);
  describeWith([machine.kind === "systemd" ? "bootroot" : "cleanroot", "opt", ...needs], name, () => {
    let output = "";
    beforeAll(
      async () => {
        await compile();
        output = await runScenario(machine);
      },
      ((machine.seconds ?? 300) + 120) * 1000,
    );
    test.each(checks)("%s", (check) => {
      const lines = output.split("\n");
      const line = lines.find((each) => each === `ok ${check}` || each.startsWith(`not ok ${check}: `));
      expect(line ?? `no line; the scenario's last ones:\n${lines.slice(-15).join("\n")}`).toBe(`ok ${check}`);
    });
  });
}

function checksOf({ script, labels = [] }: Machine): readonly string[] {
  const text = readFileSync(join(import.meta.dirname, script), "utf8");
  const written = [...text.matchAll(/^ *check "([^"]+)"/gmu)].map(([, name = ""]) => name);
  const names = written.flatMap((name) =>
    name.includes("$label") ? labels.map((label) => name.replace("$label", label)) : [name],
  );
  if (new Set(names).size !== names.length) throw new Error(`two checks of ${script} have one name`);
  return names;
}
