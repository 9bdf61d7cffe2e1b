import { createHash, type Hash } from "node:crypto";
import { createReadStream, type ReadStream } from "node:fs";
import type { PublicKey, Signature, SignaturePacket, Subkey } from "openpgp";
import type { OpenPgpSigner } from "../../recipe/index.ts";
import { changed } from "../checked-copy.ts";
import { armoredBlocks, pinnedKeys, type PinnedKey } from "./openpgp-keys.ts";
import type { Judgement, SignedFile } from "./types.ts";

type JudgedFile = Pick<SignedFile, "path" | "sha256">;

/** More than any release has; each one costs a pass over the file. */
const mostSignatures = 16;

/**
 * Judges a detached OpenPGP signature file (RFC 9580, 5.2 and 10.4) over a file, which is streamed: every signature in it.
 *
 * The rule: one good signature by a pinned key, its primary key or a signing subkey of it, is enough; signatures of others are neither good nor
 * bad. A signature counts when it was made while its key was valid, by the newest word that our copy of the key has on that, whatever became of
 * the key since: one that has expired since is said. One that fits the bytes and was made after the end that our copy tells is `untestable`: its
 * holder may have prolonged the key, or a thief may have it, and our copy is too old to tell which. One made before the key was, or by a key that
 * has been revoked, for whatever reason and whenever, does not count. What claims to be of a pinned key and does not fit the bytes makes all of it
 * wrong. The time is the signer's own word, so an expired key in a thief's hands can still lie; the digest in the recipe is what stands against that.
 * Throws `source-mismatch` for a signature that fits when the bytes that it was held against are not those of the file's digest: they have been exchanged.
 */
export async function judgeOpenPgp(
  file: JudgedFile,
  signature: Buffer,
  { signers, now }: { readonly signers: readonly OpenPgpSigner[]; readonly now: Date },
): Promise<Judgement> {
  const keys = await pinnedKeys(signers);
  const found = await signaturesIn(signature);
  if (typeof found === "string") return failed(found);
  const claims = found.map((packet) => ({ packet, pinned: keyOf(packet, keys) }));
  const foreign = claims.flatMap(({ packet, pinned }) => (pinned === null ? [issuerOf(packet)] : []));
  const judged: Judgement[] = [];
  for (const { packet, pinned } of claims)
    if (pinned !== null) judged.push(await judgeOne(file, packet, { ...pinned, now }));
  if (judged.length === 0)
    return failed(`it is by ${foreign.join(", ")}, none of which the recipe pins: ${pinnedText(keys)}`);
  const broken = judged.find((one) => one.outcome === "failed" && one.why.startsWith(unfit));
  const good = judged.find((one) => one.outcome === "observed");
  const refused = broken ?? judged.find((one) => one.outcome === "failed");
  if (broken !== undefined || good?.outcome !== "observed") return refused ?? judged[0] ?? failed("there is none");
  const others = foreign.map((key) => `also signed by ${key}, which is not pinned and was not checked`);
  return { ...good, notes: [...good.notes, ...others] };
}

const unfit = "it does not fit the file";

interface Pinned extends PinnedKey {
  /** Null: the primary key itself. */
  readonly subkey: Subkey | null;
}

async function judgeOne(
  file: JudgedFile,
  packet: SignaturePacket,
  { signer, fingerprint, key, subkey, now }: Pinned & { readonly now: Date },
): Promise<Judgement> {
  const { enums } = await import("openpgp");
  const made = packet.created;
  const name = `the key ${fingerprint}${subkey === null ? "" : ` (subkey ${subkey.getFingerprint().toUpperCase()})`}`;
  if (made === null) return failed("it does not say when it was made");
  if (packet.signatureType !== enums.signature.binary) return failed("it is not one over a file's bytes");
  if (await isRevoked(key, subkey, now)) return failed(`${name} has been revoked`);
  const end = await endOf(key, subkey);
  if (end === null) return failed(`${name} has no valid signature of its own`);
  const expired = end <= now.getTime();
  // A key that was renewed has words of its own from after the signature was made. They count, so the key is looked at as it last was valid.
  const date = expired ? new Date(end - 1000) : now;
  const isLate = made.getTime() >= end;
  const fit = await fits(file, (input) =>
    isLate ? verifyLate(input, packet, { key, date, now }) : verifyIn(input, packet, { key, date }),
  );
  if (fit === inFuture) return early(made, now);
  if (fit !== null) return failed(fit);
  if (isLate)
    return {
      outcome: "untestable",
      why: `it was made on ${day(made)}, and our copy of ${name} ended on ${day(end)}; take a newer copy into the recipe`,
    };
  return {
    outcome: "observed",
    kind: "openpgp",
    signer: signer.name,
    key: fingerprint,
    made: made.toISOString(),
    pinned: true,
    notes: expired ? [`the key has expired since, on ${day(end)}`] : [],
  };
}

/** Null when `verify` finds that the signature is one over the file's bytes, which it gets as a stream. */
async function fits(
  { path, sha256 }: JudgedFile,
  verify: (input: ReadableStream<Uint8Array>) => Promise<void>,
): Promise<string | null> {
  // Each piece goes through half a dozen queues of the library: few pieces cost less.
  const input = createReadStream(path, { highWaterMark: 1 << 18 });
  const hash = createHash("sha256");
  try {
    await verify(ReadableStream.from(hashed(input, hash)));
  } catch (error) {
    if (input.errored !== null) throw input.errored;
    return misfit(error instanceof Error ? error.message : String(error));
  } finally {
    input.destroy();
  }
  if (hash.digest("hex") !== sha256) throw changed(path);
  return null;
}

async function* hashed(input: ReadStream, hash: Hash): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of input as AsyncIterable<Buffer>) {
    hash.update(chunk);
    yield chunk;
  }
}

/** The library looks at the bytes and the key before the time, so a signature of which it says this is good but for its time. */
const inFuture = "Signature creation time is in the future";

/** What the library says of a signature that it refuses, in our words where it is one of the usual. */
function misfit(said: string): string {
  if (said === inFuture) return said;
  if (said === "Signed digest did not match") return `${unfit}: other bytes were signed`;
  return said === "Signature verification failed" ? `${unfit}, or is damaged` : `${unfit}, or is damaged: ${said}`;
}

function early(made: Date, now: Date): Judgement {
  const second = (time: Date): string => `${time.toISOString().slice(0, 19)}Z`;
  return {
    outcome: "failed",
    why: `it fits the file and was made in the future: at ${second(made)}, where the clock of this machine says ${second(now)}`,
    remedy: "Look at the clock of this machine first (date, timedatectl), set it, and run again",
  };
}

/** By a key that was valid when the signature was made. */
async function verifyIn(
  input: ReadableStream<Uint8Array>,
  packet: SignaturePacket,
  { key, date }: { readonly key: PublicKey; readonly date: Date },
): Promise<void> {
  const { createMessage, PacketList, Signature: SignatureOf, verify } = await import("openpgp");
  const list = new PacketList<SignaturePacket>();
  list.push(packet);
  const { data, signatures } = await verify({
    message: await createMessage({ binary: input, format: "binary" }),
    signature: new SignatureOf(list),
    verificationKeys: key,
    date,
    format: "binary",
    config: { allowInsecureVerificationWithReformattedKeys: true },
  });
  const reader = data.getReader();
  while (!(await reader.read()).done);
  await signatures[0]?.verified;
  if (signatures.length !== 1) throw new Error("it cannot be read");
}

/** By a key as it was at `date`, whenever the signature was made: the library's own question would end at the key's. */
async function verifyLate(
  input: ReadableStream<Uint8Array>,
  packet: SignaturePacket,
  { key, date, now }: { readonly key: PublicKey; readonly date: Date; readonly now: Date },
): Promise<void> {
  const { enums } = await import("openpgp");
  const { keyPacket } = await key.getSigningKey(packet.issuerKeyID, date);
  // As much of a packet of data as is asked for.
  const data = { text: null, getBytes: () => input };
  await packet.verify(keyPacket, enums.signature.binary, data, now, true);
}

/** The signature packets of a file, armored (several blocks too) or binary; a text says why there are none. */
async function signaturesIn(bytes: Buffer): Promise<readonly SignaturePacket[] | string> {
  const { readSignature } = await import("openpgp");
  const blocks = armoredBlocks(bytes.toString("latin1"), "SIGNATURE");
  try {
    const read: Signature[] =
      blocks.length === 0
        ? [await readSignature({ binarySignature: new Uint8Array(bytes) })]
        : await Promise.all(blocks.map((armoredSignature) => readSignature({ armoredSignature })));
    const packets = read.flatMap(({ packets: list }) => [...list]);
    if (packets.length === 0) return "there is no signature in it";
    return packets.length > mostSignatures ? `it holds ${packets.length} signatures` : packets;
  } catch {
    return "it cannot be read as an OpenPGP signature: it is something else, or cut short or damaged";
  }
}

function keyOf(packet: SignaturePacket, keys: readonly PinnedKey[]): Pinned | null {
  for (const pinned of keys) {
    if (pinned.key.getKeyID().equals(packet.issuerKeyID)) return { ...pinned, subkey: null };
    const subkey = pinned.key.getSubkeys(packet.issuerKeyID)[0];
    if (subkey !== undefined) return { ...pinned, subkey };
  }
  return null;
}

async function isRevoked(key: PublicKey, subkey: Subkey | null, now: Date): Promise<boolean> {
  if (await key.isRevoked(undefined, undefined, now)) return true;
  if (subkey === null) return false;
  // The key of the third place is whose revocation it is: without it the primary key, as it has to be.
  const revoked = await Promise.all(
    subkey.bindingSignatures.map((binding) => subkey.isRevoked(binding, key.keyPacket, now)),
  );
  return revoked.includes(true);
}

/** When the key, and the subkey, stop being valid, in milliseconds; infinite for never. Null when they are not valid at any time. */
async function endOf(key: PublicKey, subkey: Subkey | null): Promise<number | null> {
  const ends = [await key.getExpirationTime(), ...(subkey === null ? [] : [await subkey.getExpirationTime()])];
  const times = ends.map((end) => (end instanceof Date ? end.getTime() : end));
  return times.includes(null) ? null : Math.min(...times.map((time) => time ?? 0));
}

function issuerOf(packet: SignaturePacket): string {
  const whole = packet.issuerFingerprint;
  return (whole === null ? packet.issuerKeyID.toHex() : Buffer.from(whole).toString("hex")).toUpperCase();
}

function pinnedText(keys: readonly PinnedKey[]): string {
  return keys.map(({ fingerprint }) => fingerprint).join(", ");
}

function day(time: Date | number): string {
  return new Date(time).toISOString().slice(0, 10);
}

function failed(why: string): Judgement {
  return { outcome: "failed", why };
}
