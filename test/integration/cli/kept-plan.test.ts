import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Context } from "../../../src/cli/context.ts";
import { keepPlan, keptPlan } from "../../../src/cli/unchanged/kept-plan.ts";
import { fingerprintOf } from "../../../src/cli/make/pipeline.ts";
import type { Result } from "../../../src/cli/result.ts";
import type { Manifest } from "../../../src/store/index.ts";
import { contextIn, freshFolder } from "./context.ts";

const request = { stack: null, sources: { sources: {}, offline: false }, minGrade: null };
const answer: Result = {
  outcome: "unchanged",
  exitCode: 0,
  fields: { prefix: "/p", builds: [], host: [], warnings: ["a"] },
  text: "Prefix /p\n",
};

/** A prefix with a generation that was made from exactly what is there. */
async function provisioned(): Promise<{ context: Context; manifest: Manifest; file: string }> {
  const folder = await freshFolder();
  const context = contextIn(folder);
  const { prefix } = context.options;
  await mkdir(context.recipes);
  await mkdir(join(prefix, "generations/1"), { recursive: true });
  await mkdir(join(prefix, "cache"));
  const manifest: Manifest = {
    schema: "tlsforge.manifest/1",
    layout: 1,
    generation: 1,
    stack: "small",
    created: "2026-01-01T00:00:00Z",
    builds: [],
    host: [],
    fingerprint: fingerprintOf(context, request),
    tools: [],
    server: { configDigest: "d", listen: [] },
    accepted: true,
    report: null,
    warnings: [],
  };
  await mkdir(join(prefix, "current"));
  await writeFile(join(prefix, "current/manifest.json"), JSON.stringify(manifest));
  return { context, manifest, file: join(prefix, "cache/plan.json") };
}

test("an answer that nothing would change is given again, as it was", async () => {
  const { context, manifest } = await provisioned();
  const { prefix } = context.options;
  expect(keptPlan(prefix, manifest)).toBeNull();
  await keepPlan(context, request, answer);
  expect(keptPlan(prefix, manifest)).toEqual(answer);
});

test("it is void for another generation, other inputs and another server configuration, and when it is damaged", async () => {
  const { context, manifest, file } = await provisioned();
  const { prefix } = context.options;
  await keepPlan(context, request, answer);
  const others: Partial<Manifest>[] = [
    { generation: 2 },
    { fingerprint: "other" },
    { server: { configDigest: "e", listen: [] } },
    { server: null },
  ];
  for (const other of others) expect(keptPlan(prefix, { ...manifest, ...other })).toBeNull();
  const text = await readFile(file, "utf8");
  for (const damaged of ["", text.slice(0, -10), "null", "{}", text.replace("plan/1", "plan/2")]) {
    await writeFile(file, damaged);
    expect(keptPlan(prefix, manifest)).toBeNull();
  }
});

test("what would change something, says more, or is about other inputs is not kept", async () => {
  const { context, manifest } = await provisioned();
  const { prefix } = context.options;
  await keepPlan(context, request, { ...answer, outcome: "done" });
  await keepPlan({ ...context, options: { ...context.options, verbose: true } }, request, answer);
  await keepPlan(context, { ...request, stack: "other" }, answer);
  await keepPlan(context, { ...request, sources: { sources: { openssl: "/x" }, offline: false } }, answer);
  expect(keptPlan(prefix, manifest)).toBeNull();
});

test("a cache that cannot be written is no failure of the plan", async () => {
  const { context, manifest, file } = await provisioned();
  await mkdir(file);
  await writeFile(join(file, "x"), "");
  await keepPlan(context, request, answer);
  expect(keptPlan(context.options.prefix, manifest)).toBeNull();
});
