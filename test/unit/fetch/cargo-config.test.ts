import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { filterCargoConfig } from "../../../src/fetch/cargo-config.ts";

const filter = (text: string): string => filterCargoConfig(text, "/home/me").text;

describe("filterCargoConfig", () => {
  it("keeps where crates come from and how to get there", () => {
    const text = `# a comment
[source.crates-io]
replace-with = 'near' # the office's
[source."near"]
registry = "sparse+https://crates.example/index/#fragment"

[registries]
mine = { index = "https://mine.example/index" }
[registry]
default = "mine"
[http]
proxy = "proxy.example:3128"
multiplexing = false
[net]
retry = 3
git-fetch-with-cli = true
[net.ssh]
known-hosts = [
  "host.example key", # one
  "other.example key",
]
`;
    expect(filter(text)).toBe(`source.crates-io.replace-with = 'near'
source.near.registry = "sparse+https://crates.example/index/#fragment"
registries.mine.index = "https://mine.example/index"
registry.default = "mine"
http.proxy = "proxy.example:3128"
http.multiplexing = false
net.retry = 3
net.git-fetch-with-cli = true
net.ssh.known-hosts = [
  "host.example key", 
  "other.example key",
]
`);
  });

  it("leaves out everything else and says what", () => {
    const text = `paths = ["/somewhere"]
build.jobs = 3
[build]
rustflags = ["-C", "target-cpu=native"]
[target.x86_64-unknown-linux-gnu]
linker = "clang"
[env]
CFLAGS = "-O0"
[profile.release]
lto = true
[[unstable]]
x = 1
[http]
timeout = 9
[alias]
b = "build"
`;
    const { text: kept, left } = filterCargoConfig(text, "/home/me");
    expect(kept).toBe("http.timeout = 9\n");
    expect(left).toEqual(["paths", "build", "target", "env", "profile", "unstable", "alias"]);
  });

  it("leaves out credentials, also in inline tables", () => {
    const text = `[registries]
mine = { index = "https://mine.example", token = "s3cret", "credential-provider" = ["run", "me"] }
[registry]
token = "s3cret"
global-credential-providers = ["cargo:token"]
[registries.other]
secret-key = "s3cret"
index = "https://other.example"
`;
    expect(filter(text)).toBe(
      'registries.mine.index = "https://mine.example"\nregistries.other.index = "https://other.example"\n',
    );
  });

  it("makes relative paths absolute", () => {
    const text = `source.a.directory = "vendor/a"
source.b = { local-registry = 'vendor/b' }
source.c.directory = "/already"
[http]
cainfo = "ca.pem"
`;
    expect(filter(text)).toBe(`source.a.directory = "/home/me/vendor/a"
source.b.local-registry = "/home/me/vendor/b"
source.c.directory = "/already"
http.cainfo = "/home/me/ca.pem"
`);
  });

  it("is not led astray by strings", () => {
    const text = `[http]
user-agent = """
[build]
rustflags = "x"
"""
proxy = '''a
[env]'''
[build]
x = "[net]\\nretry = 1"
y = '[net]'
[source."a.b".'c d']
registry = "r"
`;
    expect(filter(text)).toBe(
      `http.user-agent = """\n[build]\nrustflags = "x"\n"""\nhttp.proxy = '''a\n[env]'''\nsource."a.b"."c d".registry = "r"\n`,
    );
  });

  it.each([
    ["a string without end", '[net]\nretry = 1\n[http]\nproxy = "x\n[net]\noffline = true\n', "net.retry = 1\n"],
    ["a table without end", "[net\nretry = 1\n", ""],
    ["a key without value", "[net]\nretry =\nretry\n= 3\noffline = true\n", "net.offline = true\n"],
    ["an inline table without end", "registry = { default = 'x'\n", ""],
    ["nothing", "", ""],
  ])("leaves out what cannot be read: %s", (_, text, kept) => {
    expect(filter(text)).toBe(kept);
  });

  it("never gives anything but its own tables, whatever comes in", () => {
    const piece = fc.constantFrom(
      "[",
      "]",
      "{",
      "}",
      '"',
      "'",
      '"""',
      "=",
      ".",
      ",",
      "\n",
      "#",
      " ",
      "build",
      "net",
      "http",
      "source",
      "token",
      "x",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const kept = filter(pieces.join(""));
        const again = filterCargoConfig(kept, "/home/me");
        expect(again.left).toEqual([]);
        expect(again.text).toBe(kept);
        expect(kept === "" || /^(?:source|registries|registry|http|net)\b/u.test(kept)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
