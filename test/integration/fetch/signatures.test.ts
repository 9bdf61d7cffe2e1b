import { existsSync, readFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import type { PrivateKey } from "openpgp";
import { beforeAll, describe, expect, test } from "vitest";
import { fetchAll } from "../../../src/fetch/index.ts";
import type { SignatureSpec, Source } from "../../../src/recipe/index.ts";
import { day, demand, fingerprint, keyOf, signed, signerOf, withEnd } from "./openpgp-keys.ts";
import { options, payload, scratch, sendBytes, serve, sha256, source } from "./support.ts";

const file = payload(100_000);
let alice: PrivateKey;
let mallory: PrivateKey;
let good: string;
let wrong: string;
let spec: SignatureSpec;
let folder: string;

beforeAll(async () => {
  [alice, mallory] = await Promise.all([keyOf("alice"), keyOf("mallory")]);
  [good, wrong] = await Promise.all([signed(file.bytes, alice), signed(file.bytes, mallory)]);
});

/** The spec names a key file in a scratch folder, which is gone after each test. */
async function pinned(changes: Partial<SignatureSpec> = {}): Promise<SignatureSpec> {
  folder = await scratch();
  spec = demand(await signerOf(folder, "alice", alice));
  return { ...spec, ...changes };
}

/** A server with the file at `/thing` and whatever else. */
const serving = (files: Readonly<Record<string, string | Buffer>>) =>
  serve((request: IncomingMessage, response: ServerResponse) => {
    const path = new URL(request.url ?? "", "http://x").pathname;
    const found = path === "/thing" ? file.bytes : files[path];
    if (found === undefined) response.writeHead(404).end();
    else sendBytes(request, response, Buffer.from(found));
  });

const thing = (signature: SignatureSpec | undefined, ...locations: Parameters<typeof source>[1][]): Source => ({
  ...source(file.sha256, ...locations),
  ...(signature === undefined ? {} : { signature }),
});

describe("the signature of a source", () => {
  test("lies beside it, is checked, kept in the cache, and checked again from there without a question", async () => {
    const { base, seen } = await serving({ "/thing.asc": good });
    const signature = await pinned();
    const given = await options();
    const [first] = await fetchAll([thing(signature, `${base}/thing?version=1`)], given);
    expect(first?.signature).toMatchObject({ outcome: "observed", signer: "alice", from: `${base}/thing.asc` });
    expect(await readFile(join(given.cache, `${file.sha256}.asc`), "utf8")).toBe(good);
    expect(seen).toEqual(["GET /thing?version=1", "GET /thing.asc?version=1"]);
    const again = await options({ caches: given.caches, offline: true });
    const [second] = await fetchAll([thing(signature, `${base}/thing?version=1`)], again);
    expect(second?.signature).toMatchObject({ outcome: "observed", key: fingerprint(alice), from: "cache" });
    expect(seen).toHaveLength(2);
  });

  test("is served by a mirror under the source's digest, or lies where the recipe says", async () => {
    const { base } = await serving({
      [`/m/${file.sha256}`]: file.bytes,
      [`/m/${file.sha256}.asc`]: good,
      "/s/sig": good,
    });
    const mirrored = await options({ mirror: `${base}/m` });
    const [first] = await fetchAll([thing(await pinned(), `${base}/none`)], mirrored);
    expect(first?.signature).toMatchObject({ outcome: "observed", from: `${base}/m/${file.sha256}.asc` });
    const elsewhere = await pinned({ locations: [{ kind: "url", url: `${base}/s/sig` }] });
    const [second] = await fetchAll([thing(elsewhere, `${base}/thing`)], await options());
    expect(second?.signature).toMatchObject({ outcome: "observed", from: `${base}/s/sig` });
  });

  test("lies beside the upstream tarball in a package pool", async () => {
    const { base } = await serving({ "/pool/t.orig.tar.gz": file.bytes, "/pool/t.orig.tar.gz.asc": good });
    const given = await options({ bases: { debian: [base], pypi: null } });
    const [found] = await fetchAll([thing(await pinned(), { kind: "debian", path: "pool/t.orig.tar.gz" })], given);
    expect(found?.signature).toMatchObject({ outcome: "observed", from: `${base}/pool/t.orig.tar.gz.asc` });
  });

  test("that is wrong refuses the source, demanded or not, and is not kept", async () => {
    const { base } = await serving({ "/thing.asc": wrong });
    for (const required of [true, false]) {
      const given = await options();
      const failure = fetchAll([thing(await pinned({ required }), `${base}/thing`)], given);
      await expect(failure).rejects.toMatchObject({
        code: "signature-wrong",
        message: expect.stringContaining(fingerprint(mallory)) as string,
        hint: expect.stringContaining("Do not build it") as string,
        details: [expect.stringContaining("/thing.asc")],
      });
      expect(existsSync(join(given.cache, `${file.sha256}.asc`))).toBe(false);
    }
  });

  test("that was made in the future sends to the clock and not to upstream's new key", async () => {
    const early = await signed(file.bytes, alice, new Date(Date.now() + 3 * day));
    const { base } = await serving({ "/thing.asc": early });
    const failure = fetchAll([thing(await pinned(), `${base}/thing`)], await options());
    await expect(failure).rejects.toMatchObject({
      code: "signature-wrong",
      hint: expect.stringMatching(/^Look at the clock of this machine first .*, and run again$/u) as string,
    });
  });

  test("that is wrong at one place may be good at the next", async () => {
    const { base } = await serving({ "/a.asc": wrong, "/thing.asc": good });
    const [found] = await fetchAll([thing(await pinned(), `${base}/a`, `${base}/thing`)], await options());
    expect(found?.signature).toMatchObject({ outcome: "observed", from: `${base}/thing.asc` });
  });

  test("that cannot be had refuses the source where it is demanded, else it is said", async () => {
    const { base } = await serving({});
    const failure = fetchAll([thing(await pinned(), `${base}/thing`)], await options());
    await expect(failure).rejects.toMatchObject({
      code: "signature-missing",
      message: expect.stringContaining("demands one by alice") as string,
      details: [expect.stringContaining("404")],
    });
    const given = await options();
    const [found] = await fetchAll([thing(await pinned({ required: false }), `${base}/thing`)], given);
    expect(found?.signature).toEqual({ outcome: "untestable", why: expect.stringContaining("404") as string });
    expect(given.events).toContainEqual({
      type: "warning",
      message: expect.stringContaining("was not checked") as string,
    });
  });

  test("made after the end of our copy of the key: said where it is not demanded, and kept; refused where it is", async () => {
    const made = new Date(Date.now() - 20 * day);
    const forever = await keyOf("old", { created: new Date(made.getTime() - 80 * day) });
    const ended = await withEnd(forever, 50);
    const asc = await signed(file.bytes, forever, made);
    const { base } = await serving({ "/thing.asc": asc, "/bad.asc": wrong });
    const given = await options();
    const old = demand(await signerOf(await scratch(), "alice", ended));
    const wanted = { ...old, required: false };
    const [found] = await fetchAll([thing(wanted, `${base}/thing`)], given);
    const why = expect.stringMatching(
      /our copy of the key .* ended on .*; take a newer copy into the recipe/,
    ) as string;
    expect(found?.signature).toEqual({ outcome: "untestable", why });
    expect(given.events).toContainEqual({ type: "warning", message: why });
    const again = await options({ caches: given.caches, offline: true });
    const [second] = await fetchAll([thing(wanted, `${base}/thing`)], again);
    expect(second?.signature).toEqual({ outcome: "untestable", why });
    const newer = demand(await signerOf(await scratch(), "alice", forever));
    const [third] = await fetchAll([thing(newer, `${base}/thing`)], again);
    expect(third?.signature).toMatchObject({ outcome: "observed", from: "cache" });
    await expect(fetchAll([thing(old, `${base}/thing`)], again)).rejects.toMatchObject({
      code: "signature-wrong",
      message: expect.stringContaining("cannot be judged") as string,
      hint: expect.stringContaining("newer copy") as string,
      details: [why],
    });
    expect(existsSync(join(given.cache, `${file.sha256}.asc`))).toBe(true);
    // Nobody can tell is no answer to one that is wrong elsewhere.
    const both = fetchAll([thing(wanted, `${base}/bad`, `${base}/thing`)], await options());
    await expect(both).rejects.toMatchObject({ code: "signature-wrong" });
  });

  test("of a recipe with signers that names none for the source: said aloud", async () => {
    const { base, seen } = await serving({});
    const given = await options();
    const [found] = await fetchAll([thing(await pinned({ signers: [], required: false }), `${base}/thing`)], given);
    const why = "the recipe has signers, and names none of them for it";
    expect(found?.signature).toEqual({ outcome: "untestable", why });
    expect(given.events).toContainEqual({ type: "warning", message: expect.stringContaining(why) as string });
    expect(seen).toEqual(["GET /thing"]);
  });

  test("that is wrong in the cache is removed and had again; in a cache of others it is passed over", async () => {
    const { base } = await serving({ "/thing.asc": good });
    const given = await options();
    const others = join(await scratch(), "others");
    for (const cache of [given.cache, others]) {
      await mkdir(cache, { recursive: true });
      await writeFile(join(cache, `${file.sha256}.asc`), wrong);
    }
    const both = { ...given, caches: [given.cache, others] };
    const [found] = await fetchAll([thing(await pinned(), `${base}/thing`)], both);
    expect(found?.signature).toMatchObject({ outcome: "observed", from: `${base}/thing.asc` });
    expect(readFileSync(join(given.cache, `${file.sha256}.asc`), "utf8")).toBe(good);
    expect(readFileSync(join(others, `${file.sha256}.asc`), "utf8")).toBe(wrong);
    expect(given.events.filter(({ type }) => type === "warning")).toHaveLength(2);
    await writeFile(join(given.cache, `${file.sha256}.asc`), wrong);
    const offline = fetchAll([thing(await pinned(), `${base}/thing`)], {
      ...both,
      caches: [given.cache],
      offline: true,
    });
    await expect(offline).rejects.toMatchObject({ code: "signature-wrong" });
  });

  test("is not the same as no word on it: of two that share their bytes each is asked for its own", async () => {
    const { base } = await serving({ "/thing.asc": wrong });
    const both = [thing(undefined, `${base}/thing`), { ...thing(await pinned(), `${base}/thing`), name: "other" }];
    await expect(fetchAll(both, await options())).rejects.toMatchObject({ code: "signature-wrong" });
    const [alone] = await fetchAll(both.slice(0, 1), await options());
    expect(alone?.signature).toEqual({ outcome: "untestable", why: "the recipe names no signer for it" });
  });

  test("is not looked for where the file is the user's own", async () => {
    const own = join(await scratch(), "own");
    await writeFile(own, file.bytes);
    const given = { ...(await options()), overrides: { thing: own } };
    const [found] = await fetchAll([thing(await pinned(), "http://127.0.0.1:9/thing")], given);
    expect(found).toMatchObject({ location: "user", signature: { outcome: "untestable", why: "it is your own file" } });
  });

  test("is refused with the place in the recipe when its key file is wrong", async () => {
    const { base } = await serving({ "/thing.asc": good });
    const signature = await pinned();
    await writeFile(join(folder, "alice.asc"), "nothing");
    await expect(fetchAll([thing(signature, `${base}/thing`)], await options())).rejects.toMatchObject({
      code: "recipe-invalid",
      message: expect.stringContaining("recipe.yaml:1:1") as string,
    });
  });

  test("that is endless is none", async () => {
    const endless = await serve((request, response) => {
      if (request.url === "/thing") return sendBytes(request, response, file.bytes);
      response.writeHead(200);
      response.write(Buffer.alloc(3 * 1024 * 1024));
      return undefined;
    });
    const failure = fetchAll([thing(await pinned(), `${endless.base}/thing`)], await options());
    await expect(failure).rejects.toMatchObject({ details: [expect.stringContaining("endless")] });
  });
});

describe("attestations of a package index", () => {
  const fixtures = join(import.meta.dirname, "../../fixtures/attestations");
  const name = "gcb_attestation_test-0.0.0.tar.gz";
  const bytes = readFileSync(join(fixtures, name));
  const provenance = readFileSync(join(fixtures, `${name}.provenance`), "utf8");
  const builder = {
    identity: "919436158236-compute@developer.gserviceaccount.com",
    issuer: "https://accounts.google.com",
  };

  const index = (offered: string | null) =>
    serve((request, response) => {
      if (request.url === "/simple/gcb/") {
        const entry = {
          filename: name,
          url: "/f",
          hashes: { sha256: sha256(bytes) },
          provenance: offered === null ? null : "/p",
        };
        response.setHeader("content-type", "application/vnd.pypi.simple.v1+json");
        response.end(JSON.stringify({ meta: { "api-version": "1.3" }, files: [entry] }));
      } else if (request.url === "/f") sendBytes(request, response, bytes);
      else if (request.url === "/p" && offered !== null) response.end(offered);
      else response.writeHead(404).end();
    });
  const packaged = (signature?: SignatureSpec): Source => ({
    name: "gcb",
    file: name,
    sha256: sha256(bytes),
    form: "release",
    unpack: "none",
    locations: [{ kind: "pypi", project: "gcb", file: name }],
    ...(signature === undefined ? {} : { signature }),
  });
  const publisher = (changes = {}): SignatureSpec => ({
    signers: [{ kind: "sigstore", name: "gcb", ...builder, ...changes }],
    required: true,
    locations: [],
  });

  test("are seen where the index offers them, and kept", async () => {
    const { base, seen } = await index(provenance);
    const given = await options({ bases: { debian: [], pypi: `${base}/simple` } });
    const [found] = await fetchAll([packaged()], given);
    expect(found?.signature).toMatchObject({
      outcome: "observed",
      kind: "attestation",
      signer: builder.identity,
      pinned: false,
    });
    expect(readFileSync(join(given.cache, `${sha256(bytes)}.provenance`), "utf8")).toBe(provenance);
    expect(seen).toEqual(["GET /simple/gcb/", "GET /f", "GET /p"]);
    const [again] = await fetchAll([packaged()], { ...given, offline: true });
    expect(again?.signature).toMatchObject({ outcome: "observed", from: "cache" });
  });

  test("are demanded of nobody who is not pinned: none is no warning, and what is cached asks no index", async () => {
    const { base, seen } = await index(null);
    const given = await options({ bases: { debian: [], pypi: `${base}/simple` } });
    const [found] = await fetchAll([packaged()], given);
    expect(found?.signature).toEqual({ outcome: "untestable", why: "the index offers no attestations of this file" });
    const signal = new AbortController().signal;
    const [again] = await fetchAll([packaged()], { ...given, signal });
    expect(again?.signature).toEqual({ outcome: "untestable", why: "the caches have none" });
    expect(seen).toHaveLength(2);
    expect(given.events.filter(({ type }) => type === "warning")).toEqual([]);
  });

  test("are demanded of whom the lock pins", async () => {
    const { base } = await index(provenance);
    const given = await options({ bases: { debian: [], pypi: `${base}/simple` } });
    const [found] = await fetchAll([packaged(publisher())], given);
    expect(found?.signature).toMatchObject({ outcome: "observed", pinned: true });
    const other = fetchAll([packaged(publisher({ issuer: "https://login.example" }))], given);
    await expect(other).rejects.toMatchObject({ code: "signature-wrong" });
    const bare = await index(null);
    const none = await options({ bases: { debian: [], pypi: `${bare.base}/simple` } });
    await expect(fetchAll([packaged(publisher())], none)).rejects.toMatchObject({ code: "signature-missing" });
  });

  test("that are forged are refused, although nobody asked for any", async () => {
    const forged = JSON.parse(provenance) as {
      attestation_bundles: { attestations: { envelope: { signature: string } }[] }[];
    };
    const { envelope } = forged.attestation_bundles[0]!.attestations[0]!;
    envelope.signature = envelope.signature.replace(/^.{8}/, "AAAAAAAA");
    for (const offered of [JSON.stringify(forged), "<html>", "{}"]) {
      const { base } = await index(offered);
      const given = await options({ bases: { debian: [], pypi: `${base}/simple` } });
      await expect(fetchAll([packaged()], given)).rejects.toMatchObject({ code: "signature-wrong" });
    }
  });
});
