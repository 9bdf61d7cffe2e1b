import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWith } from "../tools/needs.ts";
import { compile, makeArchive, runJson, spareSource, workshop, writeRecipes, type Workshop } from "./support.ts";

describeWith(["linux", "cc", "make", "strace", "unshare"], "a machine without a network", () => {
  let near: Workshop;
  let far: Workshop;
  let archive: { readonly file: string; readonly sha256: string };
  const server = createServer((_request, response) => void readFile(archive.file).then((bytes) => response.end(bytes)));

  beforeAll(async () => {
    await compile();
    [near, far] = [await workshop(), await workshop()];
    archive = await makeArchive(join(near.folder, "archives"), "1.0.0");
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hello-1.0.0.tar.gz`;
    const versions = [{ version: "1.0.0", sha256: archive.sha256, locations: [`{ url: "${url}" }`] }];
    for (const shop of [near, far]) await writeRecipes(shop, { versions });
  });

  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await near.remove();
    await far.remove();
  });

  /** Lines of a trace of every process of a run that make a socket of the internet. */
  const sockets = async (trace: string): Promise<string[]> =>
    (await readFile(trace, "utf8"))
      .split("\n")
      .filter((line) => /socket\((?:AF_INET|AF_PACKET|AF_NETLINK)/u.test(line));
  const traced = (trace: string): string[] => [
    "strace",
    "-f",
    "-qq",
    "-e",
    "trace=socket",
    "-e",
    "signal=none",
    "-o",
    trace,
  ];

  test("gets all sources of a stack in one file, which is the same whenever it is made", async () => {
    const [trace, bundle] = [join(near.folder, "trace"), join(near.folder, "small.bundle")];
    const spare = await spareSource(near);
    const { record } = await runJson(near, ["bundle", "create", bundle], { under: traced(trace) });
    // What nothing needs stays within its bound, and no prefix is made for that.
    expect([existsSync(spare), existsSync(near.prefix)]).toEqual([false, false]);
    expect(record).toMatchObject({
      outcome: "done",
      file: bundle,
      stack: "small",
      sources: [{ name: "hello", sha256: archive.sha256 }],
    });
    // The trace does see what opens one.
    expect((await sockets(trace)).length).toBeGreaterThan(0);
    const again = await runJson(near, ["bundle", "create", `${bundle}2`, "--offline"]);
    expect(again.record).toMatchObject({ sha256: (record as unknown as { sha256: string }).sha256 });
    expect(await readFile(`${bundle}2`)).toEqual(await readFile(bundle));
  });

  test("has nothing to build from without it", async () => {
    const { record, exitCode } = await runJson(far, ["build", "--offline", "--yes"]);
    expect(exitCode).toBe(1);
    expect(record.error).toMatchObject({
      code: "source-unavailable",
      hint: expect.stringContaining("tlsforge bundle use FILE"),
    });
  });

  test("builds from it, and none of all its processes opens a socket", async () => {
    const spare = await spareSource(far);
    const used = await runJson(far, ["bundle", "use", join(near.folder, "small.bundle")]);
    expect(used.record).toMatchObject({ outcome: "done", stack: "small" });
    expect(existsSync(spare)).toBe(false);
    const trace = join(far.folder, "trace");
    const { record } = await runJson(far, ["build", "--offline", "--yes"], {
      under: ["unshare", "--map-root-user", "--net", ...traced(trace)],
    });
    expect(record).toMatchObject({ outcome: "done", generation: 1 });
    expect(record.builds[0]).toMatchObject({ recipe: "hello", location: "cache" });
    expect(await sockets(trace)).toEqual([]);
  });

  test("refuses a bundle that lies, and an address of a mirror that is none", async () => {
    const bytes = await readFile(join(near.folder, "small.bundle"));
    const at = bytes.lastIndexOf(Buffer.from([0x1f, 0x8b]));
    bytes[at + 20] = bytes[at + 20]! ^ 1;
    await writeFile(join(far.folder, "lie"), bytes);
    const lie = await runJson(far, ["bundle", "use", join(far.folder, "lie")]);
    expect(lie.record.error.code).toBe("source-mismatch");
    for (const address of [
      "nonsense",
      "ftp://x.example/",
      "https://x.example/?a=b",
      "https://x.example/#a",
      "file://host/x",
    ]) {
      const { record, exitCode } = await runJson(far, ["build", "--mirror", address]);
      expect([address, exitCode, record.error.code]).toEqual([address, 2, "usage"]);
    }
  });
});
