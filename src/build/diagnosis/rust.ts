/** rustc and cargo. */
import type { Rule } from "./types.ts";

const newer = "install a newer Rust, rustc and cargo; tlsforge doctor names the package";

export const rustRules: readonly Rule[] = [
  {
    id: "rustc-old",
    pattern: /(?<name>rustc) (?<found>\S+) is not supported by the following package/,
    summary: "rustc {found} is too old",
    more: { pattern: /^\s+(?<what>\S+) requires rustc (?<wanted>\S+)/, summary: ": {what} needs {wanted}" },
    lacks: "program",
    hint: newer,
  },
  {
    id: "rustc-old-one",
    pattern:
      /package `(?<what>[^`]+)` cannot be built because it requires (?<name>rustc) (?<wanted>\S+) or newer, while the currently active rustc version is (?<found>\S+)/,
    lacks: "program",
    summary: "rustc {found} is too old: {what} needs {wanted}",
    hint: newer,
  },
  {
    id: "cargo-edition",
    pattern:
      /feature `(?<edition>edition\d+)` is required|supported edition values are .* but `(?<other>\d+)` is unknown/,
    summary: "cargo is too old for a package: it does not know {edition}{other}",
    hint: newer,
  },
  {
    id: "cargo-lock-version",
    pattern:
      /lock file version [`']?(?<name>\d+)[`']? (?:requires|was found, but this version of Cargo does not understand)/,
    summary: "cargo is too old for the lock file, which is of version {name}",
    hint: newer,
  },
  {
    id: "cargo-lock-stale",
    pattern: /(?:the lock file|cannot update the lock file) .*(?:needs to be updated but|because) --locked was passed/,
    summary: "the lock file of the crates does not fit their manifest",
    hint: "a patch of the recipe changes the one without the other: change both",
  },
  {
    id: "rust-target",
    pattern: /can't find crate for `(?:std|core)`/,
    summary: "Rust's standard library is missing for the target that is built for",
    hint: "install it (rust-std, or rustup target add), or build for the machine's own target",
  },
  {
    id: "rust-linker",
    // pip indents what a backend says.
    pattern: /^\s*error: linker `(?<name>[^`]+)` not found/,
    lacks: "program",
    summary: "the linker {name} is missing",
    hint: "install a C compiler",
  },
  {
    // Any other error that has a number.
    id: "rustc-error",
    pattern: /^error\[(?<code>E\d{4})\]: (?<what>.+)$/,
    more: { pattern: /^\s*--> (?<place>\S+:\d+:\d+)$/, summary: ", at {place}" },
    confirmed: { by: /^error: (?:could not compile|aborting due to)/, exits: [1, 101] },
    vague: true,
    summary: "{what} ({code})",
    hint: "mend that place with a patch of the recipe, or use a Rust that the source is made for",
  },
  {
    id: "rustc-missing",
    pattern: /error: could not execute process `(?<name>rustc) -vV` \(never executed\)/,
    lacks: "program",
    summary: "cargo finds no rustc to start",
    hint: "install rustc beside cargo; tlsforge doctor names the package",
  },
  {
    id: "cargo-manifest",
    pattern: /error: could not find `Cargo\.toml` in `(?<folder>[^`]+)` or any parent directory/,
    summary: "there is no Cargo.toml in {folder} or in a folder above it",
    hint: "have the recipe's step run in the package's own folder, or name its manifest (--manifest-path)",
  },
  {
    id: "cargo-version",
    pattern: /failed to select a version for the requirement `(?<wanted>[^`]+)`/,
    more: { pattern: /^\s*candidate versions found which didn't match: (?<found>.+)/, summary: ", but {found}" },
    summary: "cargo has no version of a crate that fits {wanted}",
    hint: "see that the recipe's sources have the versions that the manifest asks for, and that a patch of it changes its lock file too",
  },
  {
    id: "cargo-crate-changed",
    pattern: /the listed checksum of `(?<file>[^`]+)` has changed/,
    summary: "{file} is part of a crate and not as it was published, which cargo refuses",
    hint: "see which patch or step of the recipe changes it, and change what uses the crate instead",
  },
  {
    id: "cargo-offline",
    pattern: /no matching package named `(?<name>[^`]+)` found|^\s*searched package name: `(?<searched>[^`]+)`/,
    summary: "cargo has no crate {name}{searched}",
    hint: "see that the recipe's sources have all crates, and which registry cargo is told to ask",
  },
  {
    id: "download",
    pattern:
      /SSL certificate problem|certificate verify failed|failed to download|could not resolve host|spurious network error/i,
    summary: "a package could not be downloaded during the build",
    hint: "check the network and the registry settings (pip, cargo), then run the command again",
  },
];
