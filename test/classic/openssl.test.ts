import { mkdtemp, readdir, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { expect, it } from "vitest";
import { classicPrefix, outputOf } from "./prefix.ts";

const source = process.env["TLSFORGE_TEST_OPENSSL"];

it.skipIf(source === undefined)(
  "the OpenSSL that many jobs built at once has the members and symbols of one that was built serially (needs its sources in TLSFORGE_TEST_OPENSSL)",
  async () => {
    expect(classicPrefix()).not.toBe("");
    expect(cpus().length).toBeGreaterThan(1);
    const folder = await mkdtemp(join(tmpdir(), "tlsforge-serial-"));
    try {
      await execa("cp", ["-a", `${source ?? ""}/.`, folder]);
      // Names that a test runner sets, TEST among them, mean something to this Makefile.
      const plain = { cwd: folder, stdin: "ignore", extendEnv: false, env: { PATH: "/usr/bin:/bin" } } as const;
      await execa(
        join(folder, "config"),
        [`--prefix=${folder}/out`, `--openssldir=${folder}/out/openssl`, "shared", "zlib"],
        plain,
      );
      await execa("make", ["-j1"], plain);
      const out = outputOf("openssl");
      for (const library of ["libcrypto.a", "libssl.a"]) {
        expect(await membersOf(join(out, "lib", library))).toEqual(await membersOf(join(folder, library)));
        expect(await symbolsOf(join(out, "lib", library))).toEqual(await symbolsOf(join(folder, library)));
      }
      for (const library of ["libcrypto.so.1.0.0", "libssl.so.1.0.0"])
        expect(await symbolsOf(join(out, "lib", library), ["-D"])).toEqual(
          await symbolsOf(join(folder, library), ["-D"]),
        );
      expect(await readdir(join(out, "lib/engines"))).toHaveLength(
        (await readdir(join(folder, "engines"))).filter((name) => name.endsWith(".so")).length +
          (await readdir(join(folder, "engines/ccgost"))).filter((name) => name.endsWith(".so")).length,
      );
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);

async function membersOf(archive: string): Promise<readonly string[]> {
  return (await execa("ar", ["t", archive])).stdout.split("\n").toSorted();
}

/** Names and kinds of the symbols that a library defines, without their places. */
async function symbolsOf(library: string, more: readonly string[] = []): Promise<readonly string[]> {
  const { stdout } = await execa("nm", [...more, "--defined-only", "-P", library]);
  return stdout
    .split("\n")
    .map((line) => line.replace(library, "").split(" ").slice(0, 2).join(" "))
    .toSorted();
}
