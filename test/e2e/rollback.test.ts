/** What happens to a server that serves when another one is to take its place: TLSFORGE_TEST_PREFIX names its prefix. */
import { mkdir, mkdtemp, readFile, readlink, realpath, rm, symlink, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { noteInLedger, readLedger } from "../../src/store/index.ts";
import { root } from "../tools/checkout.ts";
import { describeWith, testPrefix } from "../tools/needs.ts";
import { freePort, hold } from "./ports.ts";
import { compile, run, runJson, type Ran, type ResultRecord, type Workshop } from "./support.ts";

describeWith(["linux", "prefix"], "a server that another one is to replace", () => {
  let shop: Workshop;
  let certificates: string;
  let port: number;
  let first: number;

  async function ran(
    argv: readonly string[],
    more: { readonly listen?: readonly number[]; readonly server?: string } = {},
  ): Promise<Ran & { readonly record: ResultRecord }> {
    const { listen = [port], server = "" } = more;
    const file = join(shop.folder, "site.yaml");
    const addresses = listen.map((each) => `"127.0.0.1:${each}"`).join(", ");
    await writeFile(
      file,
      `server: { listen: [${addresses}], names: [localhost]${server} }\nhost: { packages: never, loader-path: false }\n`,
    );
    return runJson(shop, [...argv, "--config", file], { seconds: 1500 });
  }

  /** So that the next rollback has to start a server. */
  async function endStandingBy(): Promise<void> {
    const { standingBy } = (await ran(["status"])).record.server;
    if (standingBy === undefined || standingBy === null) return;
    process.kill(standingBy.pid, "SIGTERM");
    await expect.poll(async () => (await ran(["status"])).record.server.standingBy, { timeout: 15_000 }).toBeNull();
  }

  async function renew(): Promise<void> {
    const argv = [
      "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost",
      "-addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE -config ../req.cnf",
      "-keyout own.key -out own.pem",
    ].flatMap((line) => line.split(" "));
    await execa(join(shop.prefix, "bin", "openssl"), argv, { cwd: certificates });
  }

  beforeAll(async () => {
    await compile();
    const folder = await mkdtemp(join(tmpdir(), "tlsforge-rollback-"));
    certificates = join(folder, "certificates");
    await mkdir(certificates);
    await writeFile(join(folder, "req.cnf"), "[req]\ndistinguished_name = name\n[name]\n");
    port = await freePort();
    shop = {
      folder,
      home: homedir(),
      cwd: folder,
      recipes: join(root, "recipes"),
      prefix: await realpath(testPrefix()),
      remove: () => rm(folder, { recursive: true, force: true }),
    };
    first = (await ran(["provision", "--yes"])).record.generation;
  });

  afterAll(async () => {
    await run(shop, ["stop"]);
    await shop.remove();
  });

  test("a link to the current generation that is lost is named by doctor, and brought back by what it says", async () => {
    const link = join(shop.prefix, "current");
    const target = await readlink(link);
    await rm(link);
    try {
      const { checks } = (await ran(["doctor"])).record;
      expect(checks.find(({ id }) => id === "generation")).toMatchObject({
        outcome: "fail",
        message: expect.stringContaining(`generation ${first} was accepted last`),
        fix: expect.stringContaining(`rollback ${first}`),
      });
      expect((await ran(["rollback", String(first)])).record).toMatchObject({ exitCode: 0, generation: first });
    } finally {
      await rm(link, { force: true });
      await symlink(target, link);
    }
  });

  test("plan has nothing for a server that serves as wished, and a reason for one that does not", async () => {
    const same = (await ran(["plan", "--exit-code"])).record;
    expect(same).toMatchObject({ exitCode: 0, server: { action: "none" } });
    const other = (await ran(["plan", "--exit-code"], { server: ", hsts: { max-age: 31536000 }" })).record;
    expect(other).toMatchObject({
      exitCode: 10,
      server: { action: "relaunch", why: expect.stringMatching(/hsts.*; the new server takes the open sockets over/u) },
    });
  });

  test("a port that another program has is found before the server stops", async () => {
    const { pid } = (await ran(["status"])).record.server;
    const holder = await hold();
    const taken = (holder.address() as AddressInfo).port;
    const { record } = await ran(["launch"], { listen: [port, taken] });
    expect(record).toMatchObject({ exitCode: 1, error: { code: "port-in-use" } });
    expect((await ran(["status"])).record.server).toMatchObject({ pid, generation: first });
    holder.close();
  });

  test("a rollback to a server that stands by brings back what it was, at once", async () => {
    const changed = (await ran(["provision", "--yes"], { server: ", hsts: { max-age: 31536000 }" })).record;
    expect(changed).toMatchObject({ exitCode: 0, generation: expect.any(Number) });
    expect(changed.generation).toBeGreaterThan(first);
    const { standingBy } = (await ran(["status"])).record.server;
    expect(standingBy).toMatchObject({ generation: first });
    // Whatever the site file says now.
    const back = (await ran(["rollback"], { server: ", hsts: { max-age: 31536000 }" })).record;
    expect(back).toMatchObject({ exitCode: 0, generation: first, server: { pid: standingBy?.pid } });
    expect((await ran(["status"])).record.server.standingBy).toMatchObject({ generation: changed.generation });
    const again = (await ran(["rollback", String(changed.generation)])).record;
    expect(again).toMatchObject({ exitCode: 0, server: { pid: changed.server.pid } });
  });

  test("a rollback that cannot serve switches nothing", async () => {
    const other = await freePort();
    const elsewhere = (await ran(["provision", "--yes"], { listen: [other] })).record;
    const next = (await ran(["provision", "--yes"])).record;
    expect(next).toMatchObject({ exitCode: 0, generation: elsewhere.generation + 1 });
    const { pid } = next.server;
    await endStandingBy();
    const holder = await hold(other);
    const { record } = await ran(["rollback", String(elsewhere.generation)]);
    expect(record).toMatchObject({ exitCode: 1, error: { code: "port-in-use" } });
    expect((await ran(["generations"])).record.current).toBe(next.generation);
    expect((await ran(["status"])).record.server).toMatchObject({ pid, generation: next.generation });
    holder.close();
    await renew();
    // Not graded: nobody trusts it.
    const own = await ran(["launch"], { server: `, certificate: { directory: ${certificates} }` });
    expect(own.record).toMatchObject({ exitCode: 0, server: { generation: next.generation } });
    const last = (await ran(["provision", "--yes"], { server: ", hsts: { max-age: 32000000 }" })).record;
    await endStandingBy();
    await rm(join(certificates, "own.pem"));
    const missing = await ran(["rollback", String(next.generation)]);
    expect(missing.record).toMatchObject({ exitCode: 1, error: { code: "certificate-failed" } });
    expect((await ran(["status"])).record.server.pid).toBe(last.server.pid);
  });

  test("a rollback that fails after the switch is taken back, and what served serves again", async () => {
    const { current } = (await ran(["generations"])).record;
    await endStandingBy();
    const place = join(shop.prefix, "generations", String(first), "server.json");
    await rm(place);
    await mkdir(place);
    const { record, stderr } = await ran(["rollback", String(first)]);
    await rm(place, { recursive: true });
    expect(record.outcome).toBe("failed");
    expect(stderr).toContain(`generation ${current} is in service`);
    expect((await ran(["generations"])).record.current).toBe(current);
    expect((await ran(["status"])).record.server.generation).toBe(current);
  });

  test("a rollback serves, also a generation that never did", async () => {
    const { current } = (await ran(["generations"])).record;
    const file = join(shop.prefix, "generations", String(first), "manifest.json");
    const manifest = JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>;
    await writeFile(file, JSON.stringify({ ...manifest, server: null }));
    await rm(join(shop.prefix, "generations", String(first), "server.json"), { force: true });
    const { record } = await ran(["rollback", String(first)]);
    expect(record).toMatchObject({ exitCode: 0, generation: first, previous: current, server: { generation: first } });
    expect(JSON.parse(await readFile(file, "utf8"))).toMatchObject({ server: { listen: [`127.0.0.1:${port}`] } });
  });

  test("a renewed certificate in the folder is reloaded by launch, in the same process", async () => {
    await renew();
    const site = { server: `, certificate: { directory: ${certificates} }` };
    const before = (await ran(["launch"], site)).record;
    expect(before).toMatchObject({ outcome: "done", exitCode: 0 });
    expect((await ran(["launch"], site)).record.outcome).toBe("unchanged");
    await renew();
    expect((await ran(["plan"], site)).record.server).toMatchObject({ action: "reload" });
    const after = (await ran(["launch"], site)).record;
    expect(after).toMatchObject({ outcome: "done", server: { pid: before.server.pid } });
    expect(after.server.certificates).not.toEqual(before.server.certificates);
    expect((await ran(["launch"], site)).record.outcome).toBe("unchanged");
  });

  test("without --config reload goes by the site file of the generation, and says so", async () => {
    const file = join(shop.folder, "site.yaml");
    const { record, stderr } = await runJson(shop, ["reload"]);
    expect(record).toMatchObject({ outcome: "done", server: { listen: [`127.0.0.1:${port}`] } });
    expect(stderr).toContain(`the site file is ${file}`);
  });

  test("a change that a killed run has left, and that no generation knows, is not nothing to do", async () => {
    await ran(["provision", "--yes"]);
    expect((await ran(["provision", "--yes"])).record.outcome).toBe("unchanged");
    expect((await ran(["plan", "--exit-code"])).exitCode).toBe(0);
    const file = join(shop.folder, "left.conf");
    const record = {
      id: "file:left",
      kind: "file",
      before: null,
      after: file,
      data: { file, sha256: "", mode: "0644" },
    };
    await noteInLedger(shop.prefix, { state: "applied", record });
    const planned = await ran(["plan", "--exit-code"]);
    expect(planned.exitCode).toBe(10);
    expect(planned.stdout).toContain('"file:left"');
    expect((await ran(["provision", "--yes"])).record).toMatchObject({ outcome: "done", exitCode: 0 });
    expect((await readLedger(shop.prefix)).map((entry) => entry.record.id)).not.toContain("file:left");
    expect((await ran(["provision", "--yes"])).record.outcome).toBe("unchanged");
  });
});
