/** The parts of a prefix's stack that benchmarks run, and a certificate made for one run. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { ForgeError } from "../../src/errors.ts";
import { readManifest } from "../../src/store/index.ts";

export interface Stack {
  readonly python: string;
  readonly openssl: string;
  readonly libssl: string;
  /** The program of the hardened server. */
  readonly server: string;
  /** Holds `cert.pem` and `key.pem`. */
  readonly folder: string;
}

/** The stack of a prefix's current generation, and a P-256 certificate for `localhost`. The folder is the caller's to remove. */
export async function stackOf(prefix: string): Promise<Stack> {
  const builds = (await readManifest(prefix))?.builds ?? [];
  const output = (recipe: string): string => {
    const build = builds.find((each) => each.recipe === recipe);
    if (build === undefined)
      throw new ForgeError("not-found", `the current generation of ${prefix} has no ${recipe}`, {
        hint: "npm start first",
      });
    return build.out;
  };
  const openssl = output("openssl");
  const library = readdirSync(`${openssl}/lib`).find((name) => /^libssl.*\.so\.\d/.test(name));
  const [python, server] = [`${output("python-tls")}/bin/python`, `${output("hardened-server")}/bin/tlsforge-server`];
  const folder = mkdtempSync(path.join(tmpdir(), "tlsforge-bench-"));
  const argv = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2"];
  argv.push("-addext", "basicConstraints=critical,CA:FALSE", "-addext", "subjectAltName=DNS:localhost");
  argv.push("-subj", "/CN=localhost", "-keyout", `${folder}/key.pem`, "-out", `${folder}/cert.pem`);
  const made = spawnSync(`${openssl}/bin/openssl`, argv, { encoding: "utf8" });
  if (made.status !== 0) throw new ForgeError("incomplete", `no certificate could be made: ${made.stderr}`);
  return {
    python,
    openssl: `${openssl}/bin/openssl`,
    libssl: realpathSync(`${openssl}/lib/${library}`),
    server,
    folder,
  };
}
