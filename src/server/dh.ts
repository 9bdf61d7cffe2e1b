import { checkPrime } from "node:crypto";
import { chmod, mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { ForgeError } from "../errors.ts";
import { fileError, syncPath } from "./files.ts";
import type { Run } from "./types.ts";

/**
 * In service RFC 9325, "Public Key Length". Below 1024 bits today's computers break what was agreed on within hours (Logjam, CVE-2015-4000); 2013's
 * servers had as much.
 */
const leastBits = { service: 2048, reproduction: 1024 } as const;

/** Many times what parameters of 8192 bits take, in bytes. */
const largestFile = 1 << 20;

/** What Diffie-Hellman parameters are made with. */
export interface DhOptions {
  /** Absolute path of the openssl program. */
  readonly openssl: string;
  /** Where they are kept (`dhFile`). */
  readonly file: string;
  readonly bits: number;
  readonly run: Run;
  /** Called with the seconds that have passed: before it begins, which can take minutes, and then at every `everySeconds` (10 unless given). */
  readonly onProgress: (seconds: number) => void;
  readonly everySeconds?: number;
}

/** The PEM file that keeps parameters of a size in a folder. */
export function dhFile(folder: string, bits: number): string {
  return join(folder, `dh-${bits}.pem`);
}

/**
 * Makes parameters of that size with generator 2 where there are none, readable by their owner alone, whole or not at all. What is there is not
 * made anew. Throws ForgeError `certificate-failed`, `prefix-unusable`, `disk-full`.
 */
export async function ensureDhParameters(options: DhOptions): Promise<void> {
  const { openssl, file, bits, run, onProgress, everySeconds = 10 } = options;
  if ((await stat(file).catch(() => null)) !== null) return;
  onProgress(0);
  const begun = Date.now();
  const clock = setInterval(() => onProgress(Math.round((Date.now() - begun) / 1000)), everySeconds * 1000);
  const fresh = `${file}.new`;
  // OpenSSL before 1.1.1 leaves its random state behind, by itself in the caller's home.
  const random = `${file}.random`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o755 });
    const made = await run([openssl, "dhparam", "-2", "-out", fresh, String(bits)], {
      environment: { RANDFILE: random },
    });
    if (made.exitCode !== 0)
      throw new ForgeError("certificate-failed", `${openssl} dhparam failed with exit code ${made.exitCode}`, {
        details: made.stderr.trim().split("\n").slice(-4),
      });
    await chmod(fresh, 0o600);
    await syncPath(fresh);
    await rename(fresh, file);
  } catch (error) {
    await rm(fresh, { force: true });
    throw fileError(error, `${file} cannot be made`);
  } finally {
    clearInterval(clock);
    await rm(random, { force: true });
  }
}

/**
 * Why the parameters in a PEM file (PKCS #3, "DH PARAMETERS") must not be used: unreadable, shorter than what a server has that is in service or
 * only reproduced, a modulus that is no safe prime, a generator out of range; null when they may.
 */
export async function dhProblem(file: string, purpose: keyof typeof leastBits): Promise<string | null> {
  const parameters = await readParameters(file);
  if (typeof parameters === "string") return parameters;
  const { prime, generator } = parameters;
  const bits = bitsOf(prime);
  const least = leastBits[purpose];
  if (bits < least) return `${file} holds parameters of ${bits} bits, fewer than ${least}`;
  const probably = promisify(checkPrime);
  if (!(await probably(prime)) || !(await probably((prime - 1n) / 2n))) return `${file}: its modulus is no safe prime`;
  return generator > 1n && generator < prime - 1n ? null : `${file}: its generator is out of range`;
}

/** The size of the modulus in a PEM file; null when it cannot be read. */
export async function dhBits(file: string): Promise<number | null> {
  const parameters = await readParameters(file);
  return typeof parameters === "string" ? null : bitsOf(parameters.prime);
}

function bitsOf(prime: bigint): number {
  return prime.toString(2).length;
}

interface Parameters {
  readonly prime: bigint;
  readonly generator: bigint;
}

/** What a PEM file holds, or why it cannot be told. */
async function readParameters(file: string): Promise<Parameters | string> {
  const facts = await stat(file).catch(() => null);
  // The end of a pipe might never come, and that of a device never does.
  if (facts?.isFile() === false || (facts?.size ?? 0) > largestFile)
    return `${file} is no file of Diffie-Hellman parameters`;
  const text = await readFile(file, "latin1").catch((error: unknown) => error as NodeJS.ErrnoException);
  if (typeof text !== "string") return `${file} cannot be read: ${text.code ?? text.message}`;
  return (await dhParts(text)) ?? `${file} holds no Diffie-Hellman parameters in PEM form`;
}

async function dhParts(text: string): Promise<Parameters | null> {
  const base64 = /-----BEGIN DH PARAMETERS-----([A-Za-z0-9+/=\s]+)-----END DH PARAMETERS-----/.exec(text)?.[1];
  if (base64 === undefined) return null;
  const { DecodeError, readDer } = await import("../wire/index.ts");
  try {
    const [sequence] = readDer(Buffer.from(base64, "base64"));
    const [prime, generator] = readDer(sequence?.contents ?? new Uint8Array(0)).map(({ tag, contents }) =>
      tag === 0x02 && contents.length > 0 ? BigInt(`0x${Buffer.from(contents).toString("hex")}`) : 0n,
    );
    return prime === undefined || generator === undefined ? null : { prime, generator };
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
}
