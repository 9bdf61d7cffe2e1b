/** The stack of 2013 by its nearest relatives, from its sources to its grade. The exact one: `npm run test:classic`. */
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { get } from "node:https";
import { homedir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "../tools/checkout.ts";
import { dhPem, oakley1 } from "../tools/dh.ts";
import { describeWith, testPrefix } from "../tools/needs.ts";
import { freePort } from "./ports.ts";
import { compile, run, runJson, type Ran, type ResultRecord, type Workshop } from "./support.ts";

describeWith(["linux", "root", "prefix", "all"], "the stack of 2013, by its nearest relatives", () => {
  let shop: Workshop;
  let port: number;
  let first: ResultRecord;

  async function ran(argv: readonly string[], server = ""): Promise<Ran & { readonly record: ResultRecord }> {
    const file = join(shop.folder, "site.yaml");
    await writeFile(
      file,
      `stack: classic-relative\nserver:\n  listen: ["127.0.0.1:${port}"]\n  dhe: { generate: 1024 }\n${server}host: { packages: install }\n`,
    );
    return runJson(shop, [...argv, "--config", file], { seconds: 1500 });
  }

  const outputOf = async (recipe: string): Promise<string> => {
    const manifest = JSON.parse(await readFile(join(shop.prefix, "current/manifest.json"), "utf8")) as {
      readonly builds: readonly { readonly recipe: string; readonly out: string }[];
    };
    return manifest.builds.find((build) => build.recipe === recipe)?.out ?? "";
  };

  beforeAll(async () => {
    await compile();
    const folder = await mkdtemp("/var/tmp/tlsforge-classic-");
    // Its server's account has to get at what it runs.
    await chmod(folder, 0o755);
    await mkdir(join(folder, "work"));
    port = await freePort();
    shop = {
      folder,
      home: homedir(),
      cwd: join(folder, "work"),
      recipes: join(root, "recipes"),
      prefix: join(folder, "prefix"),
      remove: () => rm(folder, { recursive: true, force: true }),
    };
  });

  afterAll(async () => {
    await run(shop, ["uninstall", "--yes", "--keep-cache"]);
    await shop.remove();
  });

  test.each([
    [
      "an address that others reach",
      '  redirect: ["0.0.0.0:8080"]\n',
      /site\.yaml:5:14: "0\.0\.0\.0:8080" can be reached by others/,
    ],
    ["TLS 1.3", "  profile: modern\n", /site\.yaml:5:12: profile modern needs TLS 1\.3/],
    ["preload", "  hsts: { preload: true }\n", /site\.yaml:5:20: the preload list/],
    ["a curve that it has not", "  curve: X25519\n", /site\.yaml:5:10: "X25519" is no curve/],
  ])("refuses %s before anything is built", async (_what, server, message) => {
    const { record, exitCode } = await ran(["provision", "--yes"], server);
    expect(exitCode).toBe(2);
    expect(record.error).toMatchObject({ code: "site-invalid", message: expect.stringMatching(message) });
    await expect(stat(shop.prefix)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test.each([
    ["that is no safe prime", 2n ** 1279n - 1n, "no safe prime"],
    ["of 768 bits", oakley1, "parameters of 768 bits, fewer than 1024"],
  ])("refuses a file with parameters %s, by line", async (_what, prime, message) => {
    await writeFile(join(shop.folder, "dh.pem"), dhPem(prime, 2n));
    const file = join(shop.folder, "own.yaml");
    await writeFile(file, "stack: classic-relative\nserver:\n  dhe: { file: dh.pem }\n");
    const { record, exitCode } = await runJson(shop, ["provision", "--yes", "--config", file]);
    expect(exitCode).toBe(2);
    expect(record.error).toMatchObject({ code: "site-invalid", message: expect.stringContaining(message) });
    expect(record.error.message).toMatch(/own\.yaml:3:/);
    await expect(stat(shop.prefix)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("plan says what it would be: vulnerable, by name", async () => {
    const { record } = await ran(["plan"]);
    expect(record.builds.map(({ recipe }) => recipe)).toEqual([
      "libffi",
      "openssl",
      "python",
      "pyopenssl",
      "python-tls",
      "classic-server",
    ]);
    expect(record.vulnerable).toContainEqual(expect.objectContaining({ recipe: "openssl", version: "1.1.1w" }));
    const text = await run(shop, ["plan", "--config", join(shop.folder, "site.yaml")]);
    expect(text.stdout).toContain("VULNERABLE: for reproduction only.");
  });

  test("is built, launched on loopback, and graded, held to no grade", async () => {
    const { record, exitCode } = await ran(["provision", "--yes"]);
    expect(exitCode).toBe(0);
    first = record;
    expect(record.server.listen).toEqual([`127.0.0.1:${port}`]);
    expect(record.report.grades["ssllabs-2009r"]).toMatchObject({ gradeTrustIgnored: "B" });
    expect(record.vulnerable).not.toHaveLength(0);
    const dh = await stat(join(shop.prefix, "var/tls/dh-1024.pem"));
    expect(dh.mode & 0o777).toBe(0o600);
  });

  test("status and the page that it serves say so too", async () => {
    expect((await ran(["status"])).record.vulnerable).toEqual(first.vulnerable);
    const text = await run(shop, ["status"]);
    expect(text.stdout).toContain("VULNERABLE: for reproduction only.");
    const ca = await readFile(join(shop.prefix, "var/tls/rsa/ca/cert.pem"));
    const page = await new Promise<string>((resolve, reject) => {
      get(`https://localhost:${port}/`, { ca, agent: false, family: 4 }, (answer) => {
        let body = "";
        answer.setEncoding("utf8");
        answer.on("data", (chunk: string) => (body += chunk));
        answer.on("end", () => resolve(body));
      }).on("error", reject);
    });
    expect(page).toContain("This TLS server is vulnerable. It is for reproduction only.");
    expect(page).toContain("openssl 1.1.1w");
  });

  test("doctor finds nothing that fails, and one OpenSSL", async () => {
    const { record } = await ran(["doctor"]);
    expect(record.checks.filter(({ outcome }) => outcome === "fail")).toEqual([]);
    expect(record.checks.find(({ id }) => id === "one-openssl")?.outcome).toBe("pass");
  });

  test("a second provision has nothing to do", async () => {
    expect((await ran(["provision", "--yes"])).record).toMatchObject({ outcome: "unchanged", exitCode: 0 });
  });

  test("with another curve the old server goes and the new one comes, and rollback brings it back", async () => {
    const other = (await ran(["provision", "--yes"], "  curve: secp384r1\n")).record;
    expect(other).toMatchObject({ outcome: "done", exitCode: 0, generation: first.generation + 1 });
    expect((await ran(["rollback"])).record).toMatchObject({ exitCode: 0, generation: first.generation });
    expect((await ran(["status"])).record.server).toMatchObject({ generation: first.generation, standingBy: null });
  });

  test("compare says how far today's stack has come", async () => {
    const reports = await Promise.all(
      [testPrefix(), shop.prefix].map(async (prefix) => {
        const manifest = JSON.parse(await readFile(join(prefix, "current/manifest.json"), "utf8")) as {
          readonly report: { readonly path: string };
        };
        return manifest.report.path;
      }),
    );
    const worse = await runJson(shop, ["compare", ...reports, "--exit-code"]);
    expect(worse.exitCode).toBe(10);
    const text = await run(shop, ["compare", ...reports]);
    expect(text.stdout).toMatch(/ssllabs-2009r +A\+ .*B .*worse/u);
    expect((await runJson(shop, ["compare", ...reports.toReversed(), "--exit-code"])).exitCode).toBe(0);
  });

  test("a generation that was never launched is not served where others reach it either, whatever the site file says", async () => {
    const before = (await ran(["generations"])).record.generations.length;
    const built = (await ran(["build", "--yes"])).record.generation;
    await ran(["provision", "--yes"], "  curve: secp384r1\n");
    expect((await ran(["generations"])).record.generations.length).toBeGreaterThanOrEqual(before);
    const site = join(shop.prefix, "generations", String(built), "site.json");
    const kept = await readFile(site, "utf8");
    await rm(site);
    try {
      const back = await ran(["rollback", String(built)], `  redirect: ["0.0.0.0:${await freePort()}"]\n`);
      expect(back.record).toMatchObject({ exitCode: 1, error: { code: "host-refused" } });
      expect(back.record.error.message).toContain("is vulnerable, and others could reach it at 0.0.0.0:");
    } finally {
      await writeFile(site, kept);
    }
    expect((await ran(["rollback", String(built)])).record).toMatchObject({
      exitCode: 0,
      vulnerable: first.vulnerable,
    });
  });

  test("its server's own tests pass with its own Python", async () => {
    const recipe = join(root, "recipes/classic-server");
    const python = join(await outputOf("python-tls"), "bin", "python");
    const { all, exitCode } = await execa(python, ["-s", "-B", "-m", "unittest", "discover", "-s", "."], {
      cwd: join(recipe, "tests"),
      all: true,
      reject: false,
      extendEnv: false,
      env: {
        PYTHONPATH: join(recipe, "src"),
        TLSFORGE_TEST_CLASSIC_LAUNCHER: join(await outputOf("classic-server"), "bin", "tlsforge-server"),
      },
    });
    // Two for keys that repeat, which only OpenSSL 1.0.1 has, and one for who is not root.
    expect(all).toMatch(/^Ran [1-9]\d* tests in [\d.]+s\n\nOK \(skipped=3\)$/m);
    expect(exitCode).toBe(0);
  });

  test("env names its programs, and the stack of today is what they are not", async () => {
    const { stdout } = await run(shop, ["env", "sh"]);
    const { stdout: version } = await execa("sh", ["-c", `${stdout}\nopenssl version && python2.7 -V 2>&1`], {
      env: { PATH: "/usr/bin:/bin" },
      extendEnv: false,
      stdin: "ignore",
    });
    expect(version).toMatch(/^OpenSSL 1\.1\.1w .*\nPython 2\.7\.18$/);
  });

  test("it listens elsewhere only for who insists, which its generation records", async () => {
    const redirect = await freePort();
    const open = `  redirect: ["0.0.0.0:${redirect}"]\n`;
    const refused = await ran(["provision", "--yes"], open);
    expect(refused.exitCode).toBe(2);
    expect(refused.record.error.message).toContain("can be reached by others");
    expect((await ran(["provision", "--yes", "--i-know-this-is-vulnerable"], open)).exitCode).toBe(0);
    const manifest = JSON.parse(await readFile(join(shop.prefix, "current/manifest.json"), "utf8")) as object;
    expect(manifest).toMatchObject({ exposed: [`0.0.0.0:${redirect}`] });
    // Its own address stays allowed, and no other comes with it.
    expect((await ran(["provision", "--yes"], open)).record).toMatchObject({ outcome: "unchanged", exitCode: 0 });
    const other = await freePort();
    expect((await ran(["launch"], `  redirect: ["0.0.0.0:${other}"]\n`)).exitCode).toBe(2);
    expect((await ran(["stop"])).record.outcome).toBe("done");
  });
});
