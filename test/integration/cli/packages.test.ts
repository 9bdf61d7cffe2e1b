import { mkdir, readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import type { Context } from "../../../src/cli/context.ts";
import { satisfyRequirements } from "../../../src/cli/make/packages.ts";
import type { ForgeEvent } from "../../../src/events.ts";
import { memoryHost, type MemoryHost, type RequirementResult } from "../../../src/host/index.ts";
import { parseSite, type ResolvedRecipe } from "../../../src/recipe/index.ts";
import { contextIn, freshFolder } from "./context.ts";

const install = "env DEBIAN_FRONTEND=noninteractive apt-get install";
const header = { kind: "header", name: "readline/readline.h", wanted: true, why: "Python's readline" } as const;
const make = { kind: "program", name: "make" } as const;

/** A Debian where `libreadline-dev` cannot be had without an upgrade. */
function debian(): MemoryHost {
  const installed = new Set(["libreadline8"]);
  const host = memoryHost({
    answers: {
      "dpkg-query": () => ({ stdout: [...installed].map((name) => `${name} installed\n`).join("") }),
      "apt-cache policy": (argv) => ({
        stdout: argv
          .slice(2)
          .map((name) => `${name}:\n  Candidate: 2\n`)
          .join(""),
      }),
      "apt-get -s install": (argv) => ({
        stdout: argv
          .slice(argv.indexOf("--no-upgrade") + 1)
          .map((name) =>
            name === "make"
              ? "Inst make (2 Debian)\n"
              : "Inst libreadline8 [1] (3 Debian)\nInst libreadline-dev (2 Debian)\n",
          )
          .join(""),
      }),
      [install]: () => (installed.add("make"), {}),
    },
    programs: { make: "/usr/bin/make" },
  });
  return host;
}

async function satisfy(
  wanted: readonly RequirementResult[],
  options = { offline: false },
): Promise<{ host: MemoryHost; events: ForgeEvent[]; context: Context }> {
  const folder = await freshFolder();
  const host = debian();
  const events: ForgeEvent[] = [];
  const plain = contextIn(folder);
  const context = { ...plain, emit: (event: ForgeEvent) => void events.push(event) };
  await mkdir(context.options.prefix);
  const site = parseSite({ text: "host: { packages: install }\n", path: "tlsforge.yaml" });
  const recipe = { requirements: wanted.map(({ requirement }) => requirement) } as unknown as ResolvedRecipe;
  const resolved = [recipe];
  const alone = <T>(action: () => Promise<T>): Promise<T> => action();
  const work = { host, site, resolved, pending: resolved, requirements: wanted, options, alone };
  await satisfyRequirements(context, work);
  return { host, events, context };
}

const missing = (requirement: RequirementResult["requirement"], ...provides: string[]): RequirementResult => ({
  requirement,
  outcome: "missing",
  provides,
});
const installed = (host: MemoryHost): string[] =>
  host.commands.filter(({ elevated }) => elevated).map(({ argv }) => argv.at(-1) ?? "");

test("what is only wanted is left out when it would change other packages, and the rest is installed", async () => {
  const { host, events, context } = await satisfy([missing(header, "libreadline-dev"), missing(make, "make")]);
  expect(installed(host)).toEqual(["make"]);
  expect(events).toContainEqual({
    type: "warning",
    message: expect.stringContaining(
      "packages that are only wanted are left out: it would also upgrade libreadline8",
    ) as string,
  });
  const ledger = JSON.parse(await readFile(`${context.options.prefix}/host.json`, "utf8")) as object;
  expect(ledger).toMatchObject({ entries: [{ state: "applied", record: { data: { added: "make" } } }] });
});

test("with nothing demanded, nothing is installed and nothing fails", async () => {
  const { host, events } = await satisfy([missing(header, "libreadline-dev")]);
  expect(installed(host)).toEqual([]);
  expect(events.filter(({ type }) => type === "warning")).toHaveLength(2);
});

test("offline nothing is installed, and what is lacking is named", async () => {
  await expect(satisfy([missing(make, "make")], { offline: true })).rejects.toMatchObject({
    code: "requirement-missing",
    message: expect.stringContaining("make") as string,
  });
});
