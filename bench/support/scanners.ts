/** The scanners that people use, and how each is called. */
import { existsSync } from "node:fs";
import path from "node:path";
import { ForgeError } from "../../src/errors.ts";
import { measure, type Measured } from "./measure.ts";
import { tlsforge } from "./program.ts";
import type { Served } from "./served.ts";

/** One scanner: how it is called on a target, and which exit codes say that it has done its work. */
export interface Scanner {
  readonly name: string;
  readonly argv: (address: string) => readonly string[];
  readonly done: (exitCode: number) => boolean;
}

/** Those that are installed, tlsforge first, and the names of those that are not. `work` is a folder for what they write. */
export function scanners(of: {
  readonly prefix: string;
  readonly served: Served;
  readonly work: string;
  readonly sslyze: string | undefined;
}): { readonly present: readonly Scanner[]; readonly missing: readonly string[] } {
  const { serverName } = of.served;
  // The relay listens elsewhere than the server, so the authority has to be named.
  const trust = ["--ca", path.join(of.prefix, "var/tls/ca/cert.pem"), "--prefix", of.prefix];
  const zero = (exitCode: number): boolean => exitCode === 0;
  const programs = {
    sslscan: program("sslscan"),
    SSLyze: of.sslyze ?? program("sslyze"),
    "testssl.sh": program("testssl"),
  };
  const known: readonly { readonly scanner: Scanner; readonly there: boolean }[] = [
    {
      there: true,
      scanner: {
        name: "tlsforge verify",
        argv: (address) => tlsforge("verify", address, "--server-name", serverName, "--json", ...trust),
        done: zero,
      },
    },
    {
      there: programs.sslscan !== undefined,
      scanner: {
        name: "sslscan",
        argv: (address) => [programs.sslscan ?? "", `--sni-name=${serverName}`, address],
        done: zero,
      },
    },
    {
      there: programs.SSLyze !== undefined,
      scanner: {
        name: "SSLyze",
        argv: (address) => [programs.SSLyze ?? "", `--sni=${serverName}`, address],
        // 1: not compliant with the profile that it compares with.
        done: (exitCode) => exitCode <= 1,
      },
    },
    {
      there: programs["testssl.sh"] !== undefined,
      scanner: {
        name: "testssl.sh",
        argv: (address) => [
          programs["testssl.sh"] ?? "",
          "--warnings=off",
          "--quiet",
          "--nodns=min",
          `--jsonfile=${path.join(of.work, `${Date.now()}.json`)}`,
          address,
        ],
        // It counts what it was not sure of.
        done: (exitCode) => exitCode < 242,
      },
    },
  ];
  return {
    present: known.filter(({ there }) => there).map(({ scanner }) => scanner),
    missing: known.filter(({ there }) => !there).map(({ scanner: { name } }) => name),
  };
}

function program(name: string): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(path.delimiter);
  return folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file));
}

/** One run of a scanner on `address`; `inside` goes before its arguments. Throws ForgeError `incomplete` when it did not do its work. */
export async function scan(
  scanner: Scanner,
  address: string,
  of: { readonly signal: AbortSignal; readonly inside?: readonly string[] },
): Promise<Measured> {
  const measured = await measure({ argv: [...(of.inside ?? []), ...scanner.argv(address)] }, of);
  if (!scanner.done(measured.exitCode))
    throw new ForgeError("incomplete", `${scanner.name} ended with exit ${measured.exitCode}`);
  return measured;
}
