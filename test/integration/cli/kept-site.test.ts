import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Context } from "../../../src/cli/context.ts";
import { asKept, keepSite, siteOf, withCurrentSiteFile, withSiteFile } from "../../../src/cli/serve/kept-site.ts";
import type { ForgeEvent } from "../../../src/events.ts";
import { parseSite } from "../../../src/recipe/index.ts";
import { sameSiteFile } from "../../../src/cli/unchanged/quick.ts";
import { parseCommandLine } from "../../../src/cli/program.ts";
import type { Result } from "../../../src/cli/result.ts";
import type { Manifest } from "../../../src/store/index.ts";
import { contextIn, freshFolder } from "./context.ts";

const manifest = { generation: 3 } as Manifest;
const recipes = join(import.meta.dirname, "../../../recipes");

/** Makes generation 3 the current one, of which nothing was built. */
async function madeCurrent(prefix: string): Promise<void> {
  const empty = { builds: [], host: [], tools: [], warnings: [], fingerprint: "", server: null, accepted: true };
  const made = { generation: 3, stack: "twisted", created: "2026-01-01T00:00:00Z" };
  const whole = { schema: "tlsforge.manifest/1", layout: 1, ...made, report: null, ...empty };
  await writeFile(join(prefix, "generations/3/manifest.json"), JSON.stringify(whole));
  await symlink("generations/3", join(prefix, "current"));
}

/** Runs a command as the command line does, with the shipped recipes. */
async function ran(context: Context, command: string): Promise<Result> {
  const parsed = await parseCommandLine([command], { version: "0", cwd: context.cwd });
  if (!("run" in parsed)) throw new Error(parsed.text);
  return parsed.run({ ...context, recipes });
}

async function prepared(): Promise<{ context: Context; file: string }> {
  const folder = await freshFolder();
  const config = join(folder, "tlsforge.yaml");
  await writeFile(config, "server: { names: [now.example.org] }\n");
  const plain = contextIn(folder);
  const context = { ...plain, options: { ...plain.options, config } };
  const file = join(context.options.prefix, "generations/3/site.json");
  await mkdir(dirname(file), { recursive: true });
  return { context, file };
}

test("a generation's site is what it was launched for, whatever the site file says since", async () => {
  const { context } = await prepared();
  const site = parseSite({ text: "server: { names: [then.example.org] }\n", path: "old.yaml" });
  await keepSite(context.options.prefix, 3, site, null);
  expect(await siteOf(context, manifest)).toEqual(site);
});

test("what a site of an earlier release did not know is as by default", async () => {
  const { context, file } = await prepared();
  const server = {
    names: ["then.example.org"],
    listen: ["[::1]:443"],
    redirect: [],
    certificate: { kind: "local-ca" },
    profile: "modern",
    dhe: null,
    curve: null,
    hsts: { maxAge: 1, includeSubdomains: false, preload: false },
    app: { kind: "about" },
  };
  const rest = { stack: "twisted", host: { service: "none" }, verify: { minGrade: null } };
  await writeFile(file, JSON.stringify({ ...rest, server, file: null }));
  const site = await siteOf(context, manifest);
  const defaults = parseSite(null).server;
  expect(site).toEqual({
    ...rest,
    verify: { minGrade: null, ca: null },
    server: { ...defaults, ...server, certificate: { kind: "local-ca", keys: ["ecdsa"] } },
  });
});

test("for one that never was launched the site file counts, and without one the defaults", async () => {
  const { context } = await prepared();
  expect((await siteOf(context, manifest)).server.names).toEqual(["now.example.org"]);
  const without = { ...context, options: { ...context.options, config: null } };
  expect(await siteOf(without, manifest)).toEqual(parseSite(null));
});

test.each([
  ["empty", ""],
  ["cut off", '{"server":{"names":['],
  ["null", "null"],
  ["no object", '"site"'],
  ["a part of one", '{"server":{}}'],
  ["a path that is none", '{"server":{"listen":[]},"host":{},"verify":{},"file":7}'],
])("a damaged one (%s) is told, with what to do, and neither used nor replaced", async (_, text) => {
  const { context, file } = await prepared();
  await writeFile(file, text);
  await expect(siteOf(context, manifest)).rejects.toMatchObject({
    code: "prefix-unusable",
    message: `${file} cannot be read`,
    hint: expect.stringContaining("remove it") as string,
  });
  expect(await readFile(file, "utf8")).toBe(text);
});

test("what cannot be read at all is told, too", async () => {
  const { context, file } = await prepared();
  await mkdir(file);
  await expect(siteOf(context, manifest)).rejects.toMatchObject({ code: "prefix-unusable" });
});

describe("the site file of a generation", () => {
  const site = parseSite(null);

  /** A context without a site file, for a generation that was launched with `kept`. */
  async function launchedWith(kept: string | null | undefined): Promise<{ context: Context; events: ForgeEvent[] }> {
    const { context } = await prepared();
    const events: ForgeEvent[] = [];
    await keepSite(context.options.prefix, 3, site, kept);
    const options = { ...context.options, config: null };
    return { context: { ...context, options, emit: (event) => void events.push(event) }, events };
  }

  test("counts where none is given, which is said", async () => {
    const { context: there } = await prepared();
    const kept = there.options.config ?? "";
    const { context, events } = await launchedWith(kept);
    expect((await withSiteFile(context, manifest)).options.config).toBe(kept);
    expect(events).toEqual([{ type: "notice", message: `the site file is ${kept}, as of generation 3` }]);
  });

  test("is refused when it is gone: what serves does not become what the defaults say", async () => {
    const { context, events } = await launchedWith("/nowhere/tlsforge.yaml");
    await expect(withSiteFile(context, manifest)).rejects.toMatchObject({
      code: "site-invalid",
      message: "the site file of generation 3, /nowhere/tlsforge.yaml, is gone",
      hint: expect.stringMatching(/put it back, or name another with --config/) as string,
    });
    expect(events).toEqual([]);
  });

  test.each(["provision", "plan", "build", "launch", "reload"])(
    "counts for %s too, from any folder",
    async (command) => {
      const { context } = await launchedWith("/nowhere/tlsforge.yaml");
      await madeCurrent(context.options.prefix);
      await expect(ran(context, command)).rejects.toMatchObject({
        message: expect.stringContaining("/nowhere/tlsforge.yaml, is gone") as string,
      });
      // Another that is named counts instead, and is refused for what is wrong with it.
      const config = join(context.cwd, "broken.yaml");
      await writeFile(config, "server: { nmaes: [] }\n");
      await expect(ran({ ...context, options: { ...context.options, config } }, command)).rejects.toMatchObject({
        message: expect.stringContaining("broken.yaml:1") as string,
      });
    },
  );

  test("is read by plan from any folder, which says so", async () => {
    const config = join(await freshFolder(), "far.yaml");
    await writeFile(config, "server: { nmaes: [] }\n");
    const { context, events } = await launchedWith(config);
    await madeCurrent(context.options.prefix);
    await expect(ran(context, "plan")).rejects.toMatchObject({
      message: expect.stringContaining("far.yaml:1") as string,
    });
    expect(events).toEqual([{ type: "notice", message: `the site file is ${config}, as of generation 3` }]);
  });

  test("gone, is a check of doctor that fails", async () => {
    const { context } = await launchedWith("/nowhere/tlsforge.yaml");
    await madeCurrent(context.options.prefix);
    expect(await ran(context, "doctor")).toMatchObject({
      exitCode: 1,
      fields: {
        checks: [
          { id: "site-file", outcome: "fail" },
          { id: "server", outcome: "fail" },
        ],
      },
    });
  });

  test.each<[string | null | undefined, string | null, boolean]>([
    ["/a.yaml", "/a.yaml", true],
    ["/a.yaml", "/b.yaml", false],
    ["/a.yaml", null, false],
    [null, null, true],
    [null, "/a.yaml", false],
    [undefined, null, true],
    [undefined, "/a.yaml", true],
  ])("that was %s is the full run's to look at when it is %s: no quick answer (%s)", async (kept, config, same) => {
    const { context } = await launchedWith(kept);
    await madeCurrent(context.options.prefix);
    expect(sameSiteFile({ prefix: context.options.prefix, config })).toBe(same);
  });

  test("is none in a prefix without a generation, where the defaults count", async () => {
    const context = contextIn(await freshFolder());
    expect(await withCurrentSiteFile(context)).toBe(context);
  });

  test.each([[null], [undefined]])("is none where none was kept (%s), without a word", async (kept) => {
    const { context, events } = await launchedWith(kept);
    expect((await withSiteFile(context, manifest)).options.config).toBeNull();
    expect(events).toEqual([]);
  });

  test("gives way to one that is given, but not where the generation is brought back as it was", async () => {
    const { context } = await prepared();
    await keepSite(context.options.prefix, 3, site, "/etc/kept.yaml");
    expect(await withSiteFile(context, manifest)).toBe(context);
    expect((await asKept(context, manifest)).options.config).toBe("/etc/kept.yaml");
    await keepSite(context.options.prefix, 3, site, null);
    expect((await asKept(context, manifest)).options.config).toBeNull();
  });

  test("a damaged one does not keep the site from being kept", async () => {
    const { context, file } = await prepared();
    await writeFile(file, "{");
    await keepSite(context.options.prefix, 3, site, null);
    expect(await siteOf(context, manifest)).toEqual(site);
  });
});
