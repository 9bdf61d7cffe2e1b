import { mkdir, readFile, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { fetchAll } from "../../../src/fetch/index.ts";
import { append, closePart, finish, openPart } from "../../../src/fetch/part.ts";
import { failureOf, names, options, payload, scratch, serve, source } from "./support.ts";

const quiet = { signal: new AbortController().signal, onWait: () => undefined };

describe("a part", () => {
  it("is one caller's alone, however many come in the same moment, and the others find what it finished", async () => {
    const { bytes, sha256 } = payload(1000);
    const final = join(await scratch(), sha256);
    let holders = 0;
    let made = 0;
    const come = async (): Promise<void> => {
      const part = await openPart(final, quiet);
      if (part === null) return;
      holders += 1;
      made += 1;
      expect([holders, part.bytes]).toEqual([1, 0]);
      await append(part, bytes);
      await new Promise((done) => setTimeout(done, 200));
      expect(await finish(part, { final, sha256 })).toBe("done");
      holders -= 1;
      await closePart(part);
    };
    await Promise.all(Array.from({ length: 8 }, come));
    expect(made).toBe(1);
    expect(await readFile(final)).toEqual(bytes);
    expect(await readdir(join(final, ".."))).toEqual([sha256]);
  });

  it("goes to the next one when the work on it was given up", async () => {
    const final = join(await scratch(), payload(1).sha256);
    const first = await openPart(final, quiet);
    await append(first!, Buffer.from("half"));
    let told = 0;
    const second = openPart(final, { ...quiet, onWait: () => void (told += 1) });
    await expect.poll(() => told, { timeout: 5000 }).toBe(1);
    await closePart(first!);
    const part = await second;
    expect(part?.bytes).toBe(4);
    await closePart(part!);
    expect(told).toBe(1);
  });

  it.each([
    ["just now", 0],
    ["in a time that the clock has left", 3600],
    ["long ago", -3600],
  ])("is free again after a run that was killed %s", { timeout: 10_000 }, async (_when, seconds) => {
    const final = join(await scratch(), payload(1).sha256);
    const left = join(final, "..", `.${basename(final)}.claim-0123456789abcdef`);
    await writeFile(left, "");
    const at = Date.now() / 1000 + seconds;
    await utimes(left, at, at);
    const part = await openPart(final, { ...quiet, onWait: () => expect.fail("waits for nobody") });
    await closePart(part!);
    expect(await readdir(join(final, ".."))).toEqual([]);
  });

  it("that is gone when it is whole: what another finished is taken, else it is said", async () => {
    const { bytes, sha256 } = payload(1000);
    const opts = await options();
    const there = join(opts.cache, sha256);
    const { base } = await serve((request, response) => {
      response.writeHead(200, { "content-length": bytes.length });
      response.write(bytes.subarray(0, 500));
      void rm(`${there}.part`)
        .then(() => (request.url === "/finished" ? writeFile(there, bytes) : undefined))
        .then(() => response.end(bytes.subarray(500)));
    });
    await mkdir(opts.cache, { recursive: true });
    expect(await failureOf(fetchAll([source(sha256, `${base}/a`)], opts))).toMatchObject({
      code: "source-mismatch",
      message: expect.stringContaining("is gone from the disk"),
    });
    expect(await names(opts.cache)).toEqual([]);
    const [fetched] = await fetchAll([source(sha256, `${base}/finished`)], opts);
    expect(fetched).toMatchObject({ location: "cache", verified: true });
    expect(await names(opts.cache)).toEqual([sha256]);
  });
});
