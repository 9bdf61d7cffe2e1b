/** A provisioned prefix and its server: TLSFORGE_TEST_PREFIX names it, and its server is taken over by these tests. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "../tools/checkout.ts";
import { describeWith, testPrefix } from "../tools/needs.ts";
import { freePort, hold } from "./ports.ts";
import { compile, run, runJson, type Ran, type ResultRecord, type Workshop } from "./support.ts";

const heavy = ["zod", "execa", "got", "listr2", "yaml", "commander", "tar", "semver"];

describeWith(["linux", "prefix"], "a prefix that serves", () => {
  let folder: string;
  let port: number;
  let shop: Workshop;
  let loaderEntry: string;
  let entryBefore: string | null;
  let first: number;

  /** Runs with a site file of that text. */
  async function served(
    argv: readonly string[],
    site = siteText({}),
  ): Promise<Ran & { readonly record: ResultRecord }> {
    const file = join(folder, "site.yaml");
    await writeFile(file, site);
    const own = Object.entries(process.env).flatMap(([name, value]) =>
      value === undefined || /^(?:TLSFORGE_|NO_COLOR|FORCE_COLOR|NODE_OPTIONS|VITEST)/u.test(name)
        ? []
        : [[name, value]],
    );
    return runJson(shop, [...argv, "--config", file], {
      environment: { ...(Object.fromEntries(own) as Record<string, string>), ...identity() },
      seconds: 1500,
    });
  }

  function identity(): Record<string, string> {
    return { HOME: shop.home, TLSFORGE_PREFIX: shop.prefix, TLSFORGE_RECIPES: shop.recipes };
  }

  function siteText(parts: { readonly server?: string; readonly listen?: number; readonly more?: string }): string {
    const { server = "", listen = port, more = "" } = parts;
    return `server: { listen: ["127.0.0.1:${listen}"], names: [localhost]${server} }\nhost: { packages: never }\n${more}\n`;
  }

  beforeAll(async () => {
    await compile();
    const prefix = await realpath(testPrefix());
    loaderEntry = `/etc/ld.so.conf.d/tlsforge-${createHash("sha256").update(prefix).digest("hex").slice(0, 8)}.conf`;
    entryBefore = existsSync(loaderEntry) ? await readFile(loaderEntry, "utf8") : null;
    folder = await mkdtemp(join(tmpdir(), "tlsforge-serving-"));
    port = await freePort();
    shop = {
      folder,
      home: homedir(),
      cwd: folder,
      recipes: join(root, "recipes"),
      prefix,
      remove: () => rm(folder, { recursive: true, force: true }),
    };
  });

  afterAll(async () => {
    await run(shop, ["stop"]);
    await putEntryBack();
    await shop.remove();
  });

  /** The loader entry as it was before; where it cannot be written these runs have not written it either. */
  async function putEntryBack(): Promise<void> {
    const now = existsSync(loaderEntry) ? await readFile(loaderEntry, "utf8") : null;
    if (now === entryBefore) return;
    if (entryBefore === null) await rm(loaderEntry);
    else await writeFile(loaderEntry, entryBefore);
    await execa("ldconfig");
  }

  test("provision serves and is graded A+, trust aside", async () => {
    const { record } = await served(["provision", "--yes"]);
    expect(record).toMatchObject({ exitCode: 0, outcome: "done" });
    expect(record.report.grades["ssllabs-2009r"]?.gradeTrustIgnored).toBe("A+");
    first = record.generation;
  });

  test("a second provision has nothing to do, and its record is whole", async () => {
    const { record, stderr } = await served(["provision", "--yes"]);
    expect(record).toMatchObject({ outcome: "unchanged", exitCode: 0, generation: first });
    expect(record.server.listen).toEqual([`127.0.0.1:${port}`]);
    expect(record.builds.every((build) => build.cached)).toBe(true);
    expect(stderr).toBe("");
    const text = await run(shop, ["provision", "--yes", "--config", join(folder, "site.yaml")]);
    expect(text.stdout).toContain("Nothing to do.");
    const elsewhere = await served(["provision", "--yes", "--recipes", join(folder, "nowhere")]);
    expect(elsewhere.record).toMatchObject({ exitCode: 2, error: { code: "usage" } });
  });

  test("that run loads no heavy module, and costs little more than Node itself", async () => {
    const hook = join(folder, "hook.mjs");
    const loaded = join(folder, "loaded");
    await writeFile(hook, watching);
    const argv = [join(root, "dist", "main.js"), "provision", "--yes", "--config", join(folder, "site.yaml")];
    const measure = (args: readonly string[]): number => {
      const ran = spawnSync(process.execPath, ["--import", hook, ...args], {
        cwd: folder,
        env: { PATH: process.env["PATH"], ...identity(), LOADED: loaded },
        encoding: "utf8",
      });
      expect({ status: ran.status, stderr: ran.stderr }).toEqual({ status: 0, stderr: "" });
      return Number(/^cpu (\d+)$/mu.exec(readFileSync(loaded, "utf8"))?.[1]) / 1000;
    };
    const best = (args: readonly string[]): number => Math.min(...[1, 2, 3, 4, 5].map(() => measure(args)));
    const bare = best(["-e", "0"]);
    const quick = best(argv);
    const urls = readFileSync(loaded, "utf8").split("\n");
    expect(urls.some((url) => /\/dist\/chunks\/quick-[^/]+\.js$/u.test(url))).toBe(true);
    const packages = await readdir(join(root, "dist", "chunks"));
    expect(heavy.filter((name) => packages.every((file) => !file.startsWith(`package-${name}-`)))).toEqual([]);
    expect(urls.filter((url) => url.includes("/package-"))).toEqual([]);
    // 80 ms of CPU on an idle machine; three times that on one that does other things too.
    expect(quick - bare).toBeLessThan(240);
  });

  test("a changed site file is not nothing to do", async () => {
    const { record } = await served(["plan"], siteText({ server: ", hsts: { max-age: 40000000 }" }));
    expect(record.exitCode).toBe(0);
    const provisioned = await served(["provision", "--yes"], siteText({ server: ", hsts: { max-age: 40000000 }" }));
    expect(provisioned.record).toMatchObject({ outcome: "done", generation: first + 1 });
    expect(await hsts()).toContain("max-age=40000000");
    const kept = JSON.parse(await readFile(join(shop.prefix, "cache", "plan.json"), "utf8")) as object;
    expect(kept).toMatchObject({ of: { generation: first + 1 }, fields: { server: { action: "none" } } });
  });

  test("plan says what a profile and DHE lose, in its text and its record", async () => {
    const wanted = siteText({
      server: ", profile: compatible, dhe: ffdhe3072, certificate: { local-ca: true, keys: [ecdsa, rsa] }",
    });
    const { record } = await served(["plan"], wanted);
    expect(record.lost).toContainEqual({ of: "mozilla-6.0", why: "CBC suites and P-521 are beyond intermediate" });
    expect(record.lost).toContainEqual({ of: "ncsc-nl-2025", why: "ffdhe3072 is to be phased out" });
    const { stdout } = await run(shop, ["plan", "--config", join(folder, "site.yaml")]);
    expect(stdout).toContain("profile compatible with dhe loses ncsc-nl-2025: CBC suites are to be phased out\n");
  });

  test("rollback brings the earlier generation back with its server", async () => {
    const back = await served(["rollback"]);
    expect(back.record).toMatchObject({ outcome: "done", generation: first, server: { generation: first } });
    expect(await hsts()).toContain("max-age=63072000");
    const again = await served(["provision", "--yes"]);
    expect(again.record).toMatchObject({ outcome: "unchanged", generation: first });
  });

  test("doctor finds nothing that fails", async () => {
    const { record } = await served(["doctor"]);
    expect(record.checks.filter((check) => check.outcome === "fail" && !check.id.startsWith("requirement:"))).toEqual(
      [],
    );
    expect(record.checks.find((check) => check.id === "one-openssl")?.outcome).toBe("pass");
    expect(record.checks.find((check) => check.id === "server")?.outcome).toBe("pass");
  });

  test("status, launch, stop and reload tell by their exit codes", async () => {
    expect((await served(["status"])).record).toMatchObject({
      outcome: "done",
      exitCode: 0,
      server: { generation: first },
    });
    expect((await served(["launch"])).record).toMatchObject({ outcome: "unchanged", exitCode: 0 });
    expect((await served(["stop"])).record).toMatchObject({ outcome: "done", exitCode: 0, server: null });
    expect((await served(["status"])).record).toMatchObject({ exitCode: 1, error: { code: "not-serving" } });
    expect((await served(["reload"])).record).toMatchObject({ exitCode: 1, error: { code: "not-serving" } });
    expect((await served(["stop"])).record).toMatchObject({ outcome: "unchanged", exitCode: 0 });
    const launched = await served(["launch"]);
    expect(launched.record).toMatchObject({ outcome: "done", exitCode: 0, server: { listen: [`127.0.0.1:${port}`] } });
    const { pid } = launched.record.server;
    expect((await served(["reload"])).record).toMatchObject({ outcome: "done", exitCode: 0, server: { pid } });
  });

  test("no page of the server is writable and executable, and the kernel keeps it so", async () => {
    const { record } = await served(["status"]);
    for (const pid of new Set([record.server.pid, ...record.server.workers])) {
      const maps = (await readFile(`/proc/${pid}/maps`, "utf8")).split("\n");
      expect(maps.length).toBeGreaterThan(20);
      expect(maps.filter((line) => /^\S+ \S*wx/u.test(line))).toEqual([]);
      expect(await readFile(`/proc/${pid}/status`, "utf8")).toMatch(/^NoNewPrivs:\s+1$/mu);
    }
    const log = await readFile(join(shop.prefix, "var", "server.log"), "utf8");
    expect(
      log
        .trimEnd()
        .split("\n")
        .findLast((line) => line.includes("listening on")),
    ).toContain("memoryDenyWriteExecute in force");
  });

  test("verify: what is trusted and what is not, by exit code", async () => {
    const target = `127.0.0.1:${port}`;
    const asked = ["verify", target, "--server-name", "localhost", "--min-grade", "A+"];
    expect((await served(asked)).record).toMatchObject({ exitCode: 0, outcome: "done" });
    const elsewhere = ["--prefix", join(folder, "elsewhere")];
    const stranger = await served([...asked, ...elsewhere]);
    expect(stranger.record).toMatchObject({ exitCode: 1, error: { code: "grade-low" } });
    expect(stranger.record.report.grades["ssllabs-2009r"]).toMatchObject({ grade: "T", gradeTrustIgnored: null });
    const ca = join(shop.prefix, "var", "tls", "ca", "cert.pem");
    expect((await served([...asked, ...elsewhere, "--ca", ca])).record.exitCode).toBe(0);
    expect((await served([...asked, ...elsewhere, "--ignore-trust"])).record).toMatchObject({
      exitCode: 3,
      error: { code: "incomplete", details: [expect.stringContaining("give the authority to tell")] },
    });
    // T is certain here, but what it hides is not.
    expect((await served(["verify", target, ...elsewhere])).record).toMatchObject({
      exitCode: 3,
      error: { code: "incomplete" },
    });
  });

  test("verify: nobody there, or nobody who speaks, is exit 3 in bounded time", async () => {
    const closed = await served(["verify", `127.0.0.1:${await freePort()}`]);
    expect(closed.record).toMatchObject({ exitCode: 3, outcome: "failed", error: { code: "unreachable" } });
    const mute = createServer((socket) => socket.on("error", () => undefined).resume());
    mute.listen(0, "127.0.0.1");
    await once(mute, "listening");
    try {
      const began = performance.now();
      const silent = await served(["verify", `127.0.0.1:${(mute.address() as AddressInfo).port}`]);
      expect(silent.record).toMatchObject({ exitCode: 3, outcome: "failed" });
      expect(["unreachable", "incomplete"]).toContain(silent.record.error.code);
      expect(performance.now() - began).toBeLessThan(120_000);
    } finally {
      mute.close();
    }
  });

  test("reload swaps the certificate: an open connection stays, none of a hundred new ones fails, a bad pair is refused", async () => {
    const certificates = join(folder, "certificates");
    const site = siteText({ server: `, certificate: { directory: ${certificates} }` });
    await mkdir(certificates);
    await newPair("one");
    expect((await served(["launch"], site)).record.exitCode).toBe(0);
    const kept = await open();
    const before = await serial();
    const results: string[] = [];
    let stop = false;
    const knocking = (async () => {
      while (!stop || results.length < 100)
        results.push(await serial().catch((error: Error) => `failed: ${error.message}`));
    })();
    const serials = [before];
    for (const name of ["two", "three", "four", "five", "six"]) {
      await newPair(name);
      expect((await served(["reload"], site)).record).toMatchObject({ exitCode: 0, outcome: "done" });
      serials.push(await serial());
    }
    stop = true;
    await knocking;
    expect(results.filter((result) => result.startsWith("failed"))).toEqual([]);
    expect(new Set(serials).size).toBe(6);
    expect(results.filter((result) => !serials.includes(result))).toEqual([]);
    expect(await ask(kept)).toMatch(/^HTTP\/1\.1 200 /u);
    expect(kept.getPeerCertificate().serialNumber).toBe(before);
    kept.destroy();

    const last = serials.at(-1);
    await writeFile(join(certificates, "site.key"), await readFile(join(folder, "one.key")));
    const refused = await served(["reload"], site);
    expect(refused.record).toMatchObject({
      exitCode: 1,
      error: { code: "certificate-failed", hint: expect.stringMatching(/.+/u) },
    });
    expect(await serial()).toBe(last);
    expect((await served(["status"], site)).record).toMatchObject({
      exitCode: 0,
      warnings: [expect.stringContaining("site.key does not belong to the certificate in")],
    });
    await rm(join(certificates, "site.key"));
    const missing = await served(["reload"], site);
    expect(missing.record).toMatchObject({ exitCode: 1, error: { code: "certificate-failed" } });
    expect(await serial()).toBe(last);
    expect((await served(["launch"])).record.exitCode).toBe(0);

    /** A certificate of its own key, put in place as a renewal does. */
    async function newPair(name: string): Promise<void> {
      const [key, pem] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
      const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", pem];
      const names = [
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-days",
        "60",
      ];
      await execa(join(shop.prefix, "bin", "openssl"), ["req", "-x509", ...kind, ...names]);
      await copyFile(key, join(certificates, "site.key"));
      await copyFile(pem, join(certificates, "site.pem"));
    }
  });

  test("a port in use names its owner, and the server that served goes on", async () => {
    const squatter = await hold();
    const taken = (squatter.address() as AddressInfo).port;
    const before = (await served(["generations"])).record.generations;
    try {
      for (const argv of [["launch"], ["provision", "--yes"]]) {
        const { record } = await served(argv, siteText({ listen: taken }));
        expect(record).toMatchObject({ exitCode: 1, error: { code: "port-in-use" } });
        expect(record.error.message).toContain(`127.0.0.1:${taken}`);
        expect(record.error.message + record.error.hint).toContain(String(process.pid));
        expect((await served(["status"])).record).toMatchObject({
          exitCode: 0,
          server: { listen: [`127.0.0.1:${port}`] },
        });
      }
      expect((await served(["generations"])).record.generations).toEqual(before);
    } finally {
      squatter.close();
    }
  });

  test("below the wanted grade the earlier generation comes back and serves", async () => {
    const before = (await served(["status"])).record.server.generation;
    const { record, stderr } = await served(
      ["provision", "--yes"],
      siteText({ server: ", hsts: { max-age: 0 }", more: "verify: { min-grade: A+ }" }),
    );
    expect(record).toMatchObject({ exitCode: 1, outcome: "failed", error: { code: "grade-low" } });
    expect(record.report.grades["ssllabs-2009r"]?.gradeTrustIgnored).toBe("A");
    expect(stderr).toContain(`generation ${before} is in service`);
    const { record: after } = await served(["status"]);
    expect(after).toMatchObject({ exitCode: 0, server: { generation: before } });
    expect(await hsts()).toContain("max-age=63072000");
    expect((await served(["generations"])).record.current).toBe(before);
    expect((await served(["provision", "--yes"])).record).toMatchObject({ outcome: "unchanged", generation: before });
  });

  /** A TLS connection to the server, whatever its certificate. */
  async function open(): Promise<TLSSocket> {
    const socket = connect({
      host: "127.0.0.1",
      port,
      servername: "localhost",
      rejectUnauthorized: false,
      ALPNProtocols: ["http/1.1"],
    });
    await once(socket, "secureConnect");
    return socket;
  }

  /** Serial number of the certificate that a new connection gets, after one answer over it. */
  async function serial(): Promise<string> {
    const socket = await open();
    const { serialNumber } = socket.getPeerCertificate();
    const answer = await ask(socket);
    socket.destroy();
    if (!answer.startsWith("HTTP/1.1 200 ")) throw new Error(`answered ${answer.slice(0, 40)}`);
    return serialNumber;
  }

  async function hsts(): Promise<string> {
    const socket = await open();
    const answer = await ask(socket);
    socket.destroy();
    return /^strict-transport-security: (.*)$/imu.exec(answer)?.[1] ?? "none";
  }
});

/** Asks for the page on an open connection, and gives what came with the head of the answer. */
async function ask(socket: TLSSocket): Promise<string> {
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  let answer = "";
  const limit = AbortSignal.timeout(10_000);
  while (!answer.includes("\r\n\r\n")) answer += String((await once(socket, "data", { signal: limit }))[0]);
  return answer;
}

/** Writes every module that is loaded to $LOADED, and at the end the CPU time in microseconds. */
const watching = `
import { registerHooks } from "node:module";
import { writeFileSync } from "node:fs";
const urls = [];
registerHooks({ load(url, context, next) { urls.push(url); return next(url, context); } });
process.on("exit", () => {
  const { user, system } = process.cpuUsage();
  writeFileSync(process.env.LOADED, [...urls, "cpu " + (user + system), ""].join("\\n"));
});
`;
