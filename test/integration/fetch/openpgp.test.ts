import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createMessage, readKey, revokeKey, sign } from "openpgp";
import type { PrivateKey, PublicKey } from "openpgp";
import { describe, expect, test } from "vitest";
import { judgeOpenPgp } from "../../../src/fetch/signatures/openpgp.ts";
import { day, fingerprint, keyOf, reasons, signatureOver, signed, signerOf, withEnd } from "./openpgp-keys.ts";
import { scratch, sha256 } from "./support.ts";

const bytes = Buffer.from("the release\n".repeat(50_000));
const now = new Date();
const ago = (days: number): Date => new Date(now.getTime() - days * day);

/** What is said of a signature file over the release by the key, or keys, that the recipe pins. */
async function judged(signature: string | Uint8Array, ...keys: (PrivateKey | PublicKey)[]) {
  const folder = await scratch();
  const path = join(folder, "release.tar.gz");
  await writeFile(path, bytes);
  const signers = [await signerOf(folder, "manager", ...keys)];
  return judgeOpenPgp({ path, sha256: sha256(bytes) }, Buffer.from(signature), { signers, now: new Date() });
}

const failed = (why: string) => ({ outcome: "failed", why: expect.stringContaining(why) as string });

describe("a detached OpenPGP signature", () => {
  test("by the pinned key is good, armored and binary", async () => {
    const key = await keyOf("alice");
    const armored = await signed(bytes, key, ago(1));
    const good = {
      outcome: "observed",
      kind: "openpgp",
      signer: "manager",
      key: fingerprint(key),
      pinned: true,
      notes: [],
    };
    expect(await judged(armored, key)).toMatchObject({ ...good, made: expect.stringMatching(/^\d{4}-.*Z$/) });
    expect(await judged((await signatureOver(bytes, key)).write() as Uint8Array, key)).toMatchObject(good);
  });

  test("by a signing subkey counts as the primary key", async () => {
    const key = await keyOf("alice", { subkey: true });
    const signature = await signatureOver(bytes, key);
    expect(signature.packets[0]?.issuerKeyID.toHex()).toBe(key.subkeys[0]?.getKeyID().toHex());
    expect(await judged(signature.armor(), key)).toMatchObject({ outcome: "observed", key: fingerprint(key) });
  });

  test("over other bytes is wrong", async () => {
    const key = await keyOf("alice");
    expect(await judged(await signed(Buffer.concat([bytes, Buffer.from("!")]), key), key)).toEqual({
      outcome: "failed",
      why: "it does not fit the file: other bytes were signed",
    });
  });

  test("that fits what was put in the place of the file since its digest was taken says nothing of the file", async () => {
    const key = await keyOf("alice");
    const folder = await scratch();
    const path = join(folder, "release.tar.gz");
    await writeFile(path, bytes);
    const file = { path, sha256: sha256(Buffer.from("what is built from")) };
    const signers = [await signerOf(folder, "manager", key)];
    const signature = Buffer.from(await signed(bytes, key));
    await expect(judgeOpenPgp(file, signature, { signers, now: new Date() })).rejects.toMatchObject({
      code: "source-mismatch",
      message: expect.stringContaining(`${path} has changed`) as string,
    });
  });

  test("by another key is wrong, and says whose it is", async () => {
    const [alice, mallory] = await Promise.all([keyOf("alice"), keyOf("mallory")]);
    expect(await judged(await signed(bytes, mallory), alice)).toEqual(failed(fingerprint(mallory)));
  });

  test("by a key that lies in the key file without being pinned is wrong", async () => {
    const [alice, mallory] = await Promise.all([keyOf("alice"), keyOf("mallory")]);
    const folder = await scratch();
    const path = join(folder, "f");
    await writeFile(path, bytes);
    const both = await signerOf(folder, "manager", alice, mallory);
    const signers = [{ ...both, fingerprints: both.fingerprints.slice(0, 1) }];
    const signature = Buffer.from(await signed(bytes, mallory));
    expect(await judgeOpenPgp({ path, sha256: sha256(bytes) }, signature, { signers, now: new Date() })).toEqual(
      failed("none of which the recipe pins"),
    );
  });

  test("of several is enough when one is by the pinned key; the others are told", async () => {
    const [alice, bob] = await Promise.all([keyOf("alice"), keyOf("bob")]);
    const together = await signed(bytes, [bob, alice]);
    const note = expect.stringContaining(`also signed by ${fingerprint(bob)}`) as string;
    expect(await judged(together, alice)).toMatchObject({
      outcome: "observed",
      key: fingerprint(alice),
      notes: [note],
    });
    const blocks = `${await signed(bytes, bob)}\n${await signed(bytes, alice)}`;
    expect(await judged(blocks, alice)).toMatchObject({ outcome: "observed", notes: [note] });
  });

  test("that claims a pinned key and does not fit makes all of it wrong", async () => {
    const [alice, bob] = await Promise.all([keyOf("alice"), keyOf("bob")]);
    const blocks = `${await signed(bytes, alice)}\n${await signed(Buffer.from("other"), bob)}`;
    expect(await judged(blocks, alice, bob)).toEqual(failed("does not fit the file"));
  });

  test("not over a file's bytes is wrong: text, and one over nothing", async () => {
    const key = await keyOf("alice");
    const message = await createMessage({ text: bytes.toString() });
    const text = await sign({ message, signingKeys: key, detached: true });
    expect(await judged(text, key)).toEqual(failed("not one over a file's bytes"));
    const standalone = (await signatureOver(bytes, key)).write() as Uint8Array;
    expect([...standalone.subarray(2, 4)]).toEqual([4, 0]);
    standalone[3] = 2;
    expect(await judged(standalone, key)).toEqual(failed("not one over a file's bytes"));
  });

  test.each([
    ["nothing", "", "cannot be read"],
    ["no signature", "<html>not found</html>", "cannot be read"],
    ["a cut one", "-----BEGIN PGP SIGNATURE-----\n\nwnUEABYKAB0\n-----END PGP SIGNATURE-----\n", "cannot be read"],
  ])("that is %s is wrong", async (_, text, why) => {
    expect(await judged(text, await keyOf("alice"))).toEqual(failed(why));
    expect(await judged(text, await keyOf("alice"))).toEqual(failed("something else, or cut short or damaged"));
  });
});

describe("the time of a signature", () => {
  const old = { created: ago(100), lifeDays: 50 };

  test("while its key was valid: accepted, and it is said that the key has expired since", async () => {
    const key = await keyOf("alice", old);
    const note = expect.stringContaining("the key has expired since") as string;
    expect(await judged(await signed(bytes, key, ago(60)), key)).toMatchObject({ outcome: "observed", notes: [note] });
  });

  test("after the end that our copy of its key tells: nobody can tell; refused over other bytes, in the future and of a revoked key", async () => {
    const key = await keyOf("alice", old);
    // Nobody's program signs with an expired key: the same key without its end signs, and the key file has the one with it.
    const forever = await withEnd(key, 0);
    const late = await signed(bytes, forever, ago(20));
    const end = ago(50).toISOString().slice(0, 10);
    const why = expect.stringMatching(
      `our copy of the key .* ended on ${end}; take a newer copy into the recipe`,
    ) as string;
    expect(await judged(late, key)).toEqual({ outcome: "untestable", why });
    expect(await judged(late, forever)).toMatchObject({ outcome: "observed" });
    const other = await signed(Buffer.concat([bytes, Buffer.from("!")]), forever, ago(20));
    expect(await judged(other, key)).toEqual(failed("does not fit the file"));
    expect(await judged(`${late}\n${other}`, key)).toEqual(failed("does not fit the file"));
    const future = new Date(now.getTime() + 3 * day);
    expect(await judged(await signed(bytes, forever, future), key)).toMatchObject(failed("in the future"));
    const revoked = await revokeKey({ key, reasonForRevocation: { flag: reasons.keyRetired }, format: "object" });
    expect(await judged(late, revoked.publicKey)).toEqual(failed("has been revoked"));
  });

  test("after the end of its subkey, as our copy tells it: nobody can tell", async () => {
    const key = await keyOf("alice", { ...old, subkey: true });
    const forever = await withEnd(key, 0);
    const late = await signed(bytes, forever, ago(20));
    expect(await judged(late, key)).toMatchObject({ outcome: "untestable" });
  });

  test("before its key was made: refused", async () => {
    const made = ago(30);
    const key = await keyOf("alice", { created: made });
    const signature = await signed(bytes, key, ago(20));
    const later = await keyOf("alice", { created: ago(10) });
    expect(await judged(signature, key)).toMatchObject({ outcome: "observed" });
    expect(await judged(signature, later)).toEqual(failed("none of which the recipe pins"));
  });

  test("that lies in the future: refused", async () => {
    const key = await keyOf("alice");
    const future = new Date(now.getTime() + 3 * day);
    expect(await judged(await signed(bytes, key, future), key)).toEqual({
      ...failed(`was made in the future: at ${future.toISOString().slice(0, 19)}Z, where the clock`),
      remedy: expect.stringContaining("clock") as string,
    });
    expect(await judged(await signed(Buffer.from("other"), key, future), key)).toEqual(failed("does not fit the file"));
  });

  test("from before the key's newest word on itself: accepted, as the newest word says the key was valid", async () => {
    const key = await keyOf("alice", { created: ago(100) });
    const signature = await signed(bytes, key, ago(60));
    const renewed = await withEnd(key, 0, ago(5));
    expect(renewed.users[0]?.selfCertifications).toHaveLength(1);
    expect(await judged(signature, renewed)).toMatchObject({ outcome: "observed" });
  });
});

describe("a revoked key", () => {
  test.each([
    ["compromised", reasons.keyCompromised],
    ["retired", reasons.keyRetired],
  ])("(%s) signs nothing any more, whenever that was", async (_, flag) => {
    const key = await keyOf("alice", { created: ago(100) });
    const signature = await signed(bytes, key, ago(60));
    const { publicKey } = await revokeKey({ key, reasonForRevocation: { flag }, format: "object" });
    expect(await judged(signature, key)).toMatchObject({ outcome: "observed" });
    expect(await judged(signature, publicKey)).toEqual(failed("has been revoked"));
  });

  test("is one whose signing subkey alone was revoked, for that subkey", async () => {
    const key = await keyOf("alice", { subkey: true });
    const signature = await signed(bytes, key);
    const [subkey] = key.subkeys;
    const primary = key.keyPacket as Parameters<NonNullable<typeof subkey>["revoke"]>[0];
    const revoked = await subkey!.revoke(primary, { flag: reasons.keySuperseded });
    key.subkeys = [revoked];
    const written = await readKey({ armoredKey: key.toPublic().armor() });
    expect(await judged(signature, written)).toEqual(failed("has been revoked"));
  });
});
