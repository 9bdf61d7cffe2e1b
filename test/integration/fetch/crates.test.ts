import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { availability, cargoDefaultIndex, fetchAll } from "../../../src/fetch/index.ts";
import { crateRegistry } from "../../../src/fetch/crates.ts";
import type { Location } from "../../../src/recipe/types.ts";
import { failureOf, options, payload, scratch, sendBytes, serve, source } from "./support.ts";

const crate: Location = { kind: "crate", name: "Some_crate", version: "1.2.3+x" };
const { bytes, sha256 } = payload(3000);

/** A registry whose index says `dl`; `HERE` in it is the registry itself. */
async function registry(dl: string): Promise<{ base: string; seen: string[] }> {
  const served = await serve((request, response) => {
    if (request.url === "/index/config.json") response.end(dl.replace("HERE", served.base));
    else if (request.url?.includes("some") === true || request.url?.includes("Some") === true)
      sendBytes(request, response, bytes);
    else response.writeHead(404).end();
  });
  return served;
}

describe("the registry of Rust crates", () => {
  it.each([
    ['{"dl":"HERE/crates"}', "/crates/Some_crate/1.2.3+x/download"],
    ['{"dl":"HERE/{prefix}/{crate}-{version}.crate"}', "/So/me/Some_crate-1.2.3+x.crate"],
    ['{"dl":"HERE/{lowerprefix}/{crate}/{sha256-checksum}"}', `/so/me/Some_crate/${sha256}`],
  ])("delivers a crate by the template of its index: %s", async (dl, path) => {
    const { base, seen } = await registry(dl);
    const opts = await options({ bases: { debian: [], pypi: null, crates: `sparse+${base}/index` } });
    expect(await availability(source(sha256, crate), opts)).toMatchObject({ state: "available" });
    const [fetched] = await fetchAll([source(sha256, crate)], opts);
    expect(fetched).toMatchObject({ verified: true, location: "registry of Rust crates, Some_crate 1.2.3+x" });
    // The index is read once in a run.
    expect(seen).toEqual(["GET /index/config.json", `HEAD ${path}`, `GET ${path}`]);
  });

  it.each([
    ["{}", "does not say where crates are"],
    ["<html>", "does not say where crates are"],
    ['{"dl":"file:///etc"}', "address that is refused"],
    ['{"dl":"nonsense"}', "address that is refused"],
  ])("is refused when its index says %s", async (dl, reason) => {
    const { base } = await registry(dl);
    const opts = await options({ bases: { debian: [], pypi: null, crates: `sparse+${base}/index/` } });
    const error = await failureOf(fetchAll([source(sha256, crate)], opts));
    expect(error).toMatchObject({ code: "source-unavailable", details: [expect.stringContaining(reason)] });
  });

  it("that delivers other bytes is refused", async () => {
    const { base } = await registry('{"dl":"HERE/crates"}');
    const opts = await options({ bases: { debian: [], pypi: null, crates: `sparse+${base}/index/` } });
    expect((await failureOf(fetchAll([source(payload(1).sha256, crate)], opts))).code).toBe("source-mismatch");
  });

  it("may be a folder, and is named when it is of another kind or not known", async () => {
    const folder = await scratch();
    await writeFile(join(folder, "Some_crate-1.2.3+x.crate"), bytes);
    const take = async (crates: string | null) =>
      fetchAll([source(sha256, crate)], { ...(await options()), bases: { debian: [], pypi: null, crates } });
    expect((await take(`file:${folder}`))[0]!.verified).toBe(true);
    expect((await failureOf(take("https://x.example/index.git"))).details[0]).toContain("not a sparse index");
    expect((await failureOf(take(null))).details[0]).toContain("no registry of Rust crates is known");
  });
});

describe("cargo's configuration", () => {
  const files = (text: string): Parameters<typeof crateRegistry>[0] => ({
    environment: { CARGO_HOME: "/c/.cargo" },
    home: "/home/u",
    pipDefault: null,
    readFile: (path) => Promise.resolve(path === "/c/.cargo/config.toml" ? text : null),
  });

  it.each([
    ["", null],
    ["[net]\nretry = 1", null],
    [
      '[source.crates-io]\nreplace-with = "near"\n[source.near]\nregistry = "sparse+https://n.example/i/"',
      "sparse+https://n.example/i/",
    ],
    [
      "source.crates-io.replace-with = 'a'\nsource.a.replace-with = 'b'\nsource.b = { registry = 'https://b.example' }",
      "https://b.example",
    ],
    [
      '[source.crates-io]\nreplace-with = "r"\n[registries.r]\nindex = "sparse+https://r.example/"',
      "sparse+https://r.example/",
    ],
    ['[source.crates-io]\nreplace-with = "l"\n[source.l]\nlocal-registry = "crates"', "file:/c/crates"],
    ['[source.crates-io]\nreplace-with = "d"\n[source.d]\ndirectory = "vendor"', null],
    ['[source.crates-io]\nreplace-with = "crates-io"', null],
  ])("%j", async (text, expected) => {
    expect(await crateRegistry(files(text))).toBe(expected);
  });

  it("has a default, which cargo itself carries, also behind rustup", async () => {
    const folder = await scratch();
    await mkdir(join(folder, "root/bin"), { recursive: true });
    const filler = "x".repeat((1 << 18) - 5);
    await writeFile(join(folder, "root/bin/cargo"), `\u007fELF${filler}sparse+https://index.example/registry`);
    await writeFile(join(folder, "cargo"), "\u007fELF rustup");
    await writeFile(join(folder, "rustc"), `#!/bin/sh\necho ${folder}/root\n`, { mode: 0o755 });
    const whole = { cargo: join(folder, "cargo"), rustc: join(folder, "rustc") };
    expect(await cargoDefaultIndex(whole)).toBe("sparse+https://index.example/");
    expect(await cargoDefaultIndex({ ...whole, cargo: join(folder, "root/bin/cargo") })).toBe(
      "sparse+https://index.example/",
    );
    expect(await cargoDefaultIndex({ ...whole, rustc: undefined })).toBeNull();
  });
});
