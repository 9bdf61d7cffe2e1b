import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import { ForgeError } from "../../../src/errors.ts";
import {
  expand,
  expandPattern,
  inRange,
  jsonSchemas,
  jsonSchemaText,
  newestFirst,
  parseRecipe,
  parseSite,
  siteSpan,
  parseStack,
} from "../../../src/recipe/index.ts";

const repository = join(import.meta.dirname, "../../..");
const fixtures = join(repository, "test/fixtures/recipes");
const read = (path: string): string => readFileSync(join(fixtures, path), "utf8");
const kinds = ["recipe", "stack", "site", "lock"] as const;
const valid = {
  recipe: "valid-locked.yaml",
  stack: "valid-stack.yaml",
  site: "valid-site.yaml",
  lock: "valid-lock.yaml",
};

describe("variables", () => {
  const variables = { out: "/store/a+b", version: "3.5.7", "inputs.openssl": "/store/${out}" };

  test("are replaced once; values are not looked into", () => {
    expect(expand("--prefix=${out} ${inputs.openssl}${version}", variables)).toBe(
      "--prefix=/store/a+b /store/${out}3.5.7",
    );
  });

  test("$${ stands for ${", () => {
    expect(expand("$${HOME:-$${out}} $out $$ ${version}", variables)).toBe("${HOME:-${out}} $out $$ 3.5.7");
  });

  test("stand for themselves in a pattern", () => {
    const pattern = new RegExp(expandPattern("^${out}/lib ${version}$", variables));
    expect(pattern.test("/store/a+b/lib 3.5.7")).toBe(true);
    expect(pattern.test("/store/a+b/lib 3x5x7")).toBe(false);
  });

  test.each(["${outt}", "${}", "${constructor}", "${inputs.python}"])(
    "%s is refused, with the place when it is known",
    (text) => {
      const span = { file: "recipe.yaml", line: 3, column: 7 };
      expect(() => expand(text, variables, span)).toThrow(
        expect.objectContaining({
          name: "ForgeError",
          code: "recipe-invalid",
          span,
          message: `unknown variable "${text}"`,
        }),
      );
    },
  );

  test("a near match is the hint", () => {
    expect(() => expand("${input.openssl}", variables)).toThrow(
      expect.objectContaining({ hint: 'did you mean "${inputs.openssl}"?' }),
    );
  });
});

describe("versions", () => {
  test.each([
    ["26.10.0", "~26.10", true],
    ["3.5.9", ">=3.2", true],
    ["3.1.9", ">=3.2", false],
    ["3.5.10", ">3.5.9 <3.6", true],
    ["2.0", "2.0.0", true],
    ["1.0.1e", "1.0.1e", true],
    ["1.0.1f", "<=1.0.1e", false],
    ["1.0.1f", "1.0.1 - 1.0.1g", true],
    ["3.14.0rc1", "3.14.x", false],
    ["3.14.0", ">=3.14.0rc1", true],
    ["not one", "*", false],
    ["1.0.0", "not one", false],
  ])("%s in %s: %s", (version, range, expected) => {
    expect(inRange(version, range)).toBe(expected);
  });

  test("order is total: sorting any shuffle gives the same list", () => {
    const order = [
      "3.14.0",
      "3.14.0rc2",
      "3.14.0b10",
      "3.14.0a2",
      "3.13.10",
      "3.13.9",
      "1.0.2.3",
      "1.0.1zh",
      "1.0.1b",
      "1.0.1",
    ];
    fc.assert(
      fc.property(fc.shuffledSubarray(order, { minLength: order.length }), (shuffled) => {
        expect(shuffled.toSorted(newestFirst)).toEqual(order);
      }),
    );
  });
});

describe("site file", () => {
  test("none, an empty one and one with comments only give the same defaults", () => {
    const defaults = parseSite(null);
    expect(defaults).toMatchInlineSnapshot(`
      {
        "host": {
          "loaderPath": "auto",
          "lowPort": "auto",
          "packages": "ask",
          "service": "auto",
        },
        "server": {
          "accessLog": true,
          "app": {
            "kind": "about",
          },
          "certificate": {
            "keys": [
              "ecdsa",
            ],
            "kind": "local-ca",
          },
          "curve": null,
          "dhe": null,
          "hsts": {
            "includeSubdomains": true,
            "maxAge": 63072000,
            "preload": false,
          },
          "limits": {},
          "listen": [
            "127.0.0.1:8443",
          ],
          "names": [
            "localhost",
          ],
          "ocsp": "auto",
          "profile": "intermediate",
          "redirect": [],
          "sni": "default",
          "tickets": null,
          "workers": 0,
        },
        "stack": "twisted",
        "verify": {
          "ca": null,
          "minGrade": null,
        },
      }
    `);
    expect(parseSite({ text: "", path: "tlsforge.yaml" })).toEqual(defaults);
    expect(parseSite({ text: "# later\n", path: "tlsforge.yaml" })).toEqual(defaults);
  });

  test.each<[string, number | undefined]>([
    ["", undefined],
    ["# verify: { min-grade: A }\n", undefined],
    ["stack: twisted\nserver:\n  names: [a.example]\n", undefined],
    ["verify: {}\n", undefined],
    ["stack: twisted\nverify: { min-grade: A+ }\n", 2],
    ['stack: twisted\nverify:\n  # ours\n  min-grade: "A+"\n', 4],
  ])("%j says whether the least grade is written", (text, line) => {
    const file = { text, path: "tlsforge.yaml" };
    expect(siteSpan(file, "verify", "min-grade")?.line).toBe(line);
    expect(parseSite(file).verify.minGrade).toBe(line === undefined ? null : "A+");
  });

  test("every value is taken; relative folders are taken from the file's own", () => {
    expect(parseSite({ text: read("valid-site.yaml"), path: "/etc/tlsforge/tlsforge.yaml" })).toMatchInlineSnapshot(`
      {
        "host": {
          "loaderPath": false,
          "lowPort": "sysctl",
          "packages": "install",
          "service": "openrc",
        },
        "server": {
          "accessLog": false,
          "app": {
            "directory": "/srv/www",
            "kind": "static",
          },
          "certificate": {
            "directory": "/etc/tlsforge/tls",
            "kind": "directory",
          },
          "curve": null,
          "dhe": {
            "kind": "off",
          },
          "hsts": {
            "includeSubdomains": true,
            "maxAge": 31536000,
            "preload": true,
          },
          "limits": {
            "connectionsPerAddress": 50,
            "handshakeSeconds": 2.5,
            "workerBytes": 268435456,
          },
          "listen": [
            "[::]:443",
            "0.0.0.0:8443",
          ],
          "names": [
            "www.example.org",
            "*.example.net",
          ],
          "ocsp": "off",
          "profile": "modern",
          "redirect": [
            "[::]:80",
          ],
          "sni": "strict",
          "tickets": {
            "rotateHours": 12,
          },
          "workers": 2,
        },
        "stack": "twisted",
        "verify": {
          "ca": "/etc/tlsforge/tls/ca.pem",
          "minGrade": "A",
        },
      }
    `);
  });

  test("a part that is left out keeps its defaults", () => {
    const site = parseSite({ text: 'server: { listen: ["[::1]:8443"] }', path: "tlsforge.yaml" });
    expect(site).toEqual({ ...parseSite(null), server: { ...parseSite(null).server, listen: ["[::1]:8443"] } });
  });

  test.each([
    ['listen: ["0.0.0.0:443", "[::]:443"]', '"0.0.0.0:443" is part of "[::]:443"'],
    ['listen: ["0.0.0.0:443", "127.0.0.1:443"]', '"127.0.0.1:443" is part of "0.0.0.0:443"'],
    ['listen: ["[::]:443"], redirect: ["[::1]:443"]', '"[::1]:443" is part of "[::]:443"'],
  ])("refuses an address that another one takes already: %s", (server, message) => {
    const parse = (): unknown => parseSite({ text: `server: { ${server} }`, path: "tlsforge.yaml" });
    expect(parse).toThrow(
      expect.objectContaining({ code: "site-invalid", details: [expect.stringContaining(message)] }),
    );
  });

  test("takes every address of IPv4 beside one of IPv6, and other ports of the same", () => {
    const listen = ["0.0.0.0:443", "[::1]:443", "127.0.0.1:8443"];
    const text = `server: { listen: ${JSON.stringify(listen)} }`;
    expect(parseSite({ text, path: "tlsforge.yaml" }).server.listen).toEqual(listen);
  });
});

describe("editor schemas", () => {
  // To rewrite a committed file: node src/main.ts recipe schema NAME > recipes/NAME.schema.json
  test.each(kinds)("recipes/%s.schema.json is the parser's own definition", (kind) => {
    const committed = readFileSync(join(repository, `recipes/${kind}.schema.json`), "utf8");
    expect(committed).toBe(jsonSchemaText(jsonSchemas()[kind]));
  });

  test.each(kinds)("%s: accepts the valid file, refuses it with one more key", (kind) => {
    const validate = new Ajv2020({ strict: false }).compile(jsonSchemas()[kind]);
    const value = parseYaml(read(valid[kind])) as object;
    expect(validate(value) || validate.errors).toBe(true);
    expect(validate({ ...value, surprise: 1 })).toBe(false);
  });
});

describe("hostile text", () => {
  const parsers = {
    recipe: (text: string) =>
      parseRecipe({
        text,
        path: "recipe.yaml",
        folder: "/r",
        lock: { text: read("valid-lock.yaml"), path: "lock.yaml" },
      }),
    stack: (text: string) => parseStack({ text, path: "stack.yaml" }),
    site: (text: string) => parseSite({ text, path: "tlsforge.yaml" }),
    lock: (text: string) =>
      parseRecipe({
        text: read("valid-locked.yaml"),
        path: "recipe.yaml",
        folder: "/r",
        lock: { text, path: "lock.yaml" },
      }),
  };

  /** Throws what is no ForgeError with details; says whether the text was accepted. */
  function accepts(kind: (typeof kinds)[number], text: string): boolean {
    try {
      parsers[kind](text);
      return true;
    } catch (error) {
      if (!(error instanceof ForgeError) || error.details.length === 0) throw error;
      return false;
    }
  }

  const fragments = [
    "\n",
    ":",
    " ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    '"',
    "'",
    "*a",
    "&a ",
    "!!binary ",
    "? ",
    "<<: ",
    "---\n",
    "\t",
    "\0",
    "\u{1F512}",
    "${",
    "${out}",
    "null",
    "1e999",
    "__proto__: 1\n",
    "constructor: 1\n",
    "|\n",
    "#",
  ];

  test.each(kinds)("%s: mutated text is accepted or refused with a ForgeError", (kind) => {
    const base = read(valid[kind]);
    expect(accepts(kind, base)).toBe(true);
    const mutation = fc.record({
      at: fc.nat(base.length),
      cut: fc.nat(40),
      insert: fc.oneof(fc.constantFrom(...fragments), fc.string({ maxLength: 8 })),
    });
    let refused = 0;
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
        const text = mutations.reduce(
          (current, { at, cut, insert }) => current.slice(0, at) + insert + current.slice(at + cut),
          base,
        );
        if (!accepts(kind, text)) refused += 1;
      }),
      { numRuns: 60 },
    );
    expect(refused).toBeGreaterThan(0);
  });

  test.each(kinds)("%s: any text without a mapping is refused", (kind) => {
    const text = fc.string().map((random) => `x${random.replaceAll(":", "")}`);
    fc.assert(
      fc.property(text, (candidate) => {
        expect(accepts(kind, candidate)).toBe(false);
      }),
      { numRuns: 60 },
    );
  });

  test.each([
    ["bottomless nesting", "[".repeat(10_000)],
    ["closed bottomless nesting", "[".repeat(1_000) + "]".repeat(1_000)],
    ["nested block lists", "- ".repeat(1_000)],
    ["aliases of aliases", "a: &a [x]\nb: &b [*a,*a,*a]\nc: &c [*b,*b,*b]\nd: [*c,*c,*c]\n"],
    ["an alias without anchor", "stack: *nothing\n"],
    ["a tag", "stack: !!js/function x\n"],
    ["a list as key", "? [a]\n: 1\n"],
    ["the prototype", "__proto__: { stack: other }\n"],
  ])("%s is refused", (_, text) => {
    expect(accepts("site", text)).toBe(false);
  });
});
