import type { DeriveOptions } from "../../../src/plan/index.ts";

/** A derivation's inputs with something in every field. */
export function sample(): DeriveOptions {
  return {
    recipe: {
      name: "demo",
      version: "1.2.3",
      folder: "/recipes/demo",
      support: { status: "lts", until: "2030-01-01" },
      vulnerable: [],
      inputs: [],
      sources: [
        {
          name: "demo",
          file: "demo-1.2.3.tar.gz",
          sha256: "a".repeat(64),
          locations: [{ kind: "url", url: "https://example.org/demo.tar.gz" }],
          form: "release",
          unpack: "main",
          signature: {
            signers: [
              {
                kind: "openpgp",
                name: "alice",
                fingerprints: ["F".repeat(40)],
                keys: "/recipes/demo/keys/alice.asc",
                spans: { keys: { file: "recipe.yaml", line: 1, column: 1 }, fingerprints: [] },
              },
              { kind: "sigstore", name: "hugo", identity: "hugo@example.org", issuer: "https://login.example" },
            ],
            required: true,
            locations: [{ kind: "url", url: "https://example.org/demo.tar.gz.sig" }],
          },
        },
      ],
      packages: [{ project: "extra", version: "1.0", role: "build", file: "extra-1.0.tar.gz", sha256: "b".repeat(64) }],
      platformValues: { target: "linux-x86_64" },
      requirements: [{ kind: "program", name: "cc" }],
      environment: { CFLAGS: "-O2" },
      steps: [
        { kind: "patch", file: "patches/one.patch", strip: 1 },
        { kind: "make", targets: ["all"], variables: { A: "1", B: "2" }, parallel: true },
      ],
      gates: [{ kind: "exists", name: "files", files: ["bin/demo"] }],
      weight: 10,
    },
    files: [
      { path: "patches/one.patch", sha256: "c".repeat(64), executable: false },
      { path: "tool.sh", sha256: "d".repeat(64), executable: true },
    ],
    platform: { os: "linux", arch: "x86_64", libc: "gnu" },
    prefix: "/opt/forge",
    inputs: [],
    tools: { cc: "cc 12.2.0", make: "GNU Make 4.3" },
  };
}
