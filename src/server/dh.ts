import { checkPrime } from "node:crypto";
import { chmod, mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { ForgeError } from "../errors.ts";
import { fileError, syncPath } from "./files.ts";
import type { Run } from "./types.ts";

/** Below this, today's computers break what was agreed on within hours (Logjam, CVE-2015-4000); 2013's servers had as much. */
const leastBits = 1024;

/** What Diffie-Hellman parameters are made with. */
export interface DhOptions {
  /** Absolute path of the openssl program. */
  readonly openssl: string;
  /** The folder that keeps them, `<prefix>/var/tls`. */
  readonly folder: string;
  readonly bits: number;
  readonly run: Run;
  /** Called before minutes may pass. */
  readonly onMake: () => void;
}

/**
 * The PEM file with parameters of that size, made with generator 2 when it is not there, readable by its owner alone, whole or not at all. What
 * is there is checked, and not made anew when it is wrong. Throws ForgeError `certificate-failed`, `prefix-unusable`, `disk-full`.
 */
export async function ensureDhParameters({ openssl, folder, bits, run, onMake }: DhOptions): Promise<string> {
  const file = join(folder, `dh-${bits}.pem`);
  if (!(await isThere(file))) {
    onMake();
    const fresh = `${file}.new`;
    try {
      await mkdir(folder, { recursive: true, mode: 0o755 });
      const made = await run([openssl, "dhparam", "-2", "-out", fresh, String(bits)]);
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
    }
  }
  const problem = await dhProblem(file);
  if (problem !== null)
    throw new ForgeError("certificate-failed", problem, { hint: `remove ${file}, then run the same command again` });
  return file;
}

/**
 * Why the parameters in a PEM file (PKCS #3, "DH PARAMETERS") must not be used: unreadable, shorter than 1024 bits, a modulus that is no safe
 * prime, a generator out of range; null when they may.
 */
export async function dhProblem(file: string): Promise<string | null> {
  const text = await readFile(file, "latin1").catch((error: unknown) => error as NodeJS.ErrnoException);
  if (typeof text !== "string") return `${file} cannot be read: ${text.code ?? text.message}`;
  const parts = await dhParts(text);
  if (parts === null) return `${file} holds no Diffie-Hellman parameters in PEM form`;
  const { prime, generator } = parts;
  const bits = prime.toString(2).length;
  if (bits < leastBits) return `${file} holds parameters of ${bits} bits, fewer than ${leastBits}`;
  const probably = promisify(checkPrime);
  if (!(await probably(prime)) || !(await probably((prime - 1n) / 2n))) return `${file}: its modulus is no safe prime`;
  return generator > 1n && generator < prime - 1n ? null : `${file}: its generator is out of range`;
}

async function dhParts(text: string): Promise<{ readonly prime: bigint; readonly generator: bigint } | null> {
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

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}
