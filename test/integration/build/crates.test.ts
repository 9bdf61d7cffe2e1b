import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { FetchedSource } from "../../../src/fetch/index.ts";
import { describeWith } from "../../tools/needs.ts";
import { freshFolder, make, prepare, programs, type Project } from "./helpers.ts";

/** A crate as a registry has it. */
async function crate(folder: string): Promise<FetchedSource> {
  const top = join(folder, "tiny-0.1.0");
  await mkdir(join(top, "src"), { recursive: true });
  writeFileSync(join(top, "Cargo.toml"), '[package]\nname = "tiny"\nversion = "0.1.0"\nedition = "2021"\n');
  writeFileSync(join(top, "src/lib.rs"), "pub fn one() -> i32 { 1 }\n");
  const path = join(folder, "tiny-0.1.0.crate");
  execFileSync("tar", ["-czf", path, "-C", folder, "tiny-0.1.0"]);
  const sha256 = createHash("sha256").update(readFileSync(path)).digest("hex");
  return {
    source: {
      name: "tiny@0.1.0",
      file: "tiny-0.1.0.crate",
      sha256,
      locations: [{ kind: "crate", name: "tiny", version: "0.1.0" }],
      form: "release",
      unpack: { folder: "crates/tiny-0.1.0" },
    },
    path,
    location: "test",
    sha256,
    verified: true,
    signature: { outcome: "untestable", why: "made by the test" },
    bytes: statSync(path).size,
  };
}

async function projectWithCrate(folder: string): Promise<Project> {
  const found = await crate(folder);
  return { ...(await prepare(folder)), sources: [found] };
}

describeWith(["linux"], "a build with locked crates", () => {
  it("has them in a folder that cargo is told of, and nothing of the user's configuration", async () => {
    const folder = await freshFolder();
    const project = await projectWithCrate(folder);
    const cargoHome = join(folder, "dot/.cargo");
    await mkdir(cargoHome, { recursive: true });
    writeFileSync(join(cargoHome, "config.toml"), '[source.crates-io]\nreplace-with = "near"\n');
    const { derivation } = await make(project, {
      recipe: {
        ...programs(["cp", "-r", "${build}/.cargo", "${build}/crates", "${out}"]),
        sources: project.sources.map(({ source }) => source),
      },
      cargoHome,
    });
    const config = readFileSync(join(derivation.out, ".cargo/config.toml"), "utf8");
    expect(config).toMatch(
      /^\[source\.crates-io\]\nreplace-with = "locked"\n\[source\.locked\]\ndirectory = "[^"]+\/crates"\n\[net\]\noffline = true\n$/u,
    );
    const sum = readFileSync(join(derivation.out, "crates/tiny-0.1.0/.cargo-checksum.json"), "utf8");
    expect(JSON.parse(sum)).toEqual({ files: {}, package: project.sources[0]?.sha256 });
  });
});
