import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import {
  bundleOf,
  policyFor,
  renderConfig,
  serverConfig,
  serverPaths,
  type ServerConfig,
  type ServerConfigInput,
} from "../../../src/server/index.ts";
import { keepConfig, makeFolders } from "../../../src/server/keep.ts";
import { describeWith } from "../../tools/needs.ts";
import { serverSite } from "../../tools/site.ts";

let prefix = "";

beforeEach(async () => {
  prefix = await mkdtemp(join(tmpdir(), "tlsforge-keep-"));
  onTestFinished(() => rm(prefix, { recursive: true, force: true }));
  await mkdir(join(prefix, "generations", "1"), { recursive: true });
  await symlink("generations/1", join(prefix, "current"));
});

const pair = (name: string) => ({ chain: `/tls/${name}.pem`, key: `/tls/${name}.key` });

const config = (more: Partial<ServerConfigInput> = {}): ServerConfig =>
  serverConfig({
    site: { server: serverSite() },
    policy: policyFor("intermediate"),
    generation: 1,
    prefix,
    certificates: [pair("a")],
    libssl: "/p/libssl.so",
    about: {},
    ...more,
  });

const mode = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;
const changed = async (path: string): Promise<bigint> => (await lstat(path, { bigint: true })).ctimeNs;
const ofSystemd = { service: "tlsforge-keep-test" };

/** Every link of the credentials, and the time by which one that was made anew is known: numbers of files are used again. */
async function links(): Promise<Record<string, readonly [string, bigint]>> {
  const { credentials } = serverPaths(prefix);
  const names = (await readdir(credentials)).toSorted();
  const found = names.map(async (name) => {
    const path = join(credentials, name);
    return [name, [await readlink(path), await changed(path)] as const] as const;
  });
  return Object.fromEntries(await Promise.all(found));
}

const targets = async (): Promise<Record<string, string>> =>
  Object.fromEntries(Object.entries(await links()).map(([name, [target]]) => [name, target]));

describe("the configuration of what serves", () => {
  test("is kept for its owner alone, with the links that a service manager reads keys by", async () => {
    const kept = config({ certificates: [pair("a"), pair("b")] });
    await keepConfig(prefix, kept);
    const paths = serverPaths(prefix);
    expect(await readFile(paths.config, "utf8")).toBe(renderConfig(kept));
    expect(await mode(paths.config)).toBe(0o600);
    expect(await mode(paths.credentials)).toBe(0o700);
    expect(await targets()).toEqual({
      "server.json": join(prefix, "generations", "1", "server.json"),
      "certificate-0.pem": "/tls/a.pem",
      "certificate-0.key": "/tls/a.key",
      "certificate-1.pem": "/tls/b.pem",
      "certificate-1.key": "/tls/b.key",
    });
  });

  test("parameters of one's own are handed over beside the keys", async () => {
    const policy = policyFor("intermediate", { dhe: { parameters: "/tls/dh.pem" }, tickets: null });
    await keepConfig(prefix, config({ policy }));
    expect((await targets())["dh.pem"]).toBe("/tls/dh.pem");
    await keepConfig(
      prefix,
      config({ policy: policyFor("intermediate", { dhe: { group: "ffdhe2048" }, tickets: null }) }),
    );
    expect(await targets()).not.toHaveProperty("dh.pem");
  });

  test("with fewer certificates no link of the former ones stays", async () => {
    await keepConfig(prefix, config({ certificates: [pair("a"), pair("b")] }));
    await keepConfig(prefix, config());
    expect(Object.keys(await targets())).toEqual(["certificate-0.key", "certificate-0.pem", "server.json"]);
  });

  test("kept once more it is the same; of links only those that lead elsewhere now are new", async () => {
    await keepConfig(prefix, config());
    const before = await links();
    await keepConfig(prefix, config());
    expect(await links()).toEqual(before);
    await keepConfig(prefix, config({ certificates: [{ ...pair("a"), key: "/tls/renewed.key" }] }));
    const after = await links();
    expect(after["certificate-0.key"]?.[0]).toBe("/tls/renewed.key");
    expect(after["certificate-0.pem"]).toEqual(before["certificate-0.pem"]);
  });

  test("a file in a link's place is replaced", async () => {
    const { credentials } = serverPaths(prefix);
    await mkdir(credentials, { recursive: true });
    await writeFile(join(credentials, "certificate-0.key"), "left");
    await keepConfig(prefix, config());
    expect((await targets())["certificate-0.key"]).toBe("/tls/a.key");
  });

  test.each<[string, (paths: ReturnType<typeof serverPaths>) => Promise<unknown>, RegExp]>([
    [
      "a file where links belong",
      async ({ credentials }) => writeFile(credentials, ""),
      /credentials cannot be made: /u,
    ],
    [
      "a folder in a link's place",
      async ({ credentials }) => mkdir(join(credentials, "server.json"), { recursive: true }),
      /^Cannot use .*credentials\/server\.json: /u,
    ],
  ])("with %s it is refused in words, and nothing is kept", async (_, damage, words) => {
    const paths = serverPaths(prefix);
    await damage(paths);
    await expect(keepConfig(prefix, config())).rejects.toMatchObject({
      code: "prefix-unusable",
      message: expect.stringMatching(words) as string,
    });
    await expect(readFile(paths.config)).rejects.toMatchObject({ code: "ENOENT" });
  });
});

describe("the run folder", () => {
  test("is refused in words where a file has its place", async () => {
    const { run } = serverPaths(prefix);
    await mkdir(dirname(run));
    await writeFile(run, "");
    await expect(makeFolders(prefix, config())).rejects.toMatchObject({ code: "prefix-unusable" });
  });

  test("is the prefix's own, for its owner alone, also when it was open before", async () => {
    const { run } = serverPaths(prefix);
    await makeFolders(prefix, config());
    expect((await lstat(run)).isDirectory()).toBe(true);
    expect(await mode(run)).toBe(0o700);
    await chmod(run, 0o777);
    await writeFile(join(run, "server.pid"), "1");
    await makeFolders(prefix, config());
    expect(await mode(run)).toBe(0o700);
    expect(await readdir(run)).toEqual(["server.pid"]);
  });

  test("has beside it what outlives the server, for its user and group alone; under systemd that is systemd's", async () => {
    const { state } = serverPaths(prefix);
    await makeFolders(prefix, config(ofSystemd));
    await expect(lstat(state)).rejects.toMatchObject({ code: "ENOENT" });
    await makeFolders(prefix, config());
    await writeFile(join(state, "access.log"), "");
    await chmod(state, 0o777);
    await makeFolders(prefix, config());
    expect(await mode(state)).toBe(0o750);
    expect(await readdir(state)).toEqual(["access.log"]);
  });

  test("does not follow a link to what outlives the server", async () => {
    const { state } = serverPaths(prefix);
    const outside = join(prefix, "outside");
    await mkdir(outside);
    await mkdir(dirname(state));
    await symlink(outside, state);
    const before = await changed(outside);
    await expect(makeFolders(prefix, config())).rejects.toMatchObject({ code: "prefix-unusable" });
    expect(await changed(outside)).toBe(before);
  });

  test("under systemd is a link below /run; a former folder makes room", async () => {
    const { run } = serverPaths(prefix);
    await makeFolders(prefix, config());
    await writeFile(join(run, "server.pid"), "1");
    await makeFolders(prefix, config(ofSystemd));
    expect(await readlink(run)).toBe("/run/tlsforge-keep-test");
    const before = await changed(run);
    await makeFolders(prefix, config(ofSystemd));
    expect(await changed(run)).toBe(before);
  });

  test("makes room only when nothing but a server's names is in it: of others nothing is removed", async () => {
    const { run } = serverPaths(prefix);
    await makeFolders(prefix, config());
    const left = ["server.pid", "server.pid.12.tmp", "trial.sock", "standby.pid", ".123"];
    for (const name of [...left, "theirs"]) await writeFile(join(run, name), "");
    const outside = join(prefix, "outside");
    await mkdir(outside);
    await writeFile(join(outside, "server.pid"), "");
    await symlink(outside, join(run, ".9"));
    await expect(makeFolders(prefix, config(ofSystemd))).rejects.toMatchObject({
      code: "prefix-unusable",
      message: expect.stringContaining("ENOTEMPTY") as string,
    });
    expect(await readdir(run)).toEqual(["theirs"]);
    expect(await readdir(outside)).toEqual(["server.pid"]);
    await rm(join(run, "theirs"));
    await mkdir(join(run, "server.sock"));
    await expect(makeFolders(prefix, config(ofSystemd))).rejects.toMatchObject({ code: "prefix-unusable" });
    expect(await readdir(run)).toEqual(["server.sock"]);
  });

  test("back from systemd is a folder again, and what the link led to is left alone", async () => {
    const { run } = serverPaths(prefix);
    const outside = join(prefix, "outside");
    await mkdir(outside, { mode: 0o755 });
    await chmod(outside, 0o755);
    await writeFile(join(outside, "theirs"), "");
    await mkdir(dirname(run));
    await symlink(outside, run);
    await makeFolders(prefix, config());
    expect((await lstat(run)).isDirectory()).toBe(true);
    expect(await readdir(outside)).toEqual(["theirs"]);
    expect(await mode(outside)).toBe(0o755);
  });

  test("a link that leads elsewhere is led right", async () => {
    const { run } = serverPaths(prefix);
    await mkdir(dirname(run));
    await symlink("/run/another", run);
    await makeFolders(prefix, config(ofSystemd));
    expect(await readlink(run)).toBe("/run/tlsforge-keep-test");
  });
});

describeWith(["root"], "root's", () => {
  test("run folder belongs to the server's user, and nothing else does", async () => {
    const paths = serverPaths(prefix);
    const user = { name: "tlsforge", uid: 54_321, gid: 54_322 };
    for (const _ of [1, 2]) {
      await makeFolders(prefix, config({ user }));
      for (const folder of [paths.run, paths.state])
        expect(await stat(folder)).toMatchObject({ uid: user.uid, gid: user.gid });
    }
    expect(await mode(paths.run)).toBe(0o700);
    expect(await stat(dirname(paths.run))).toMatchObject({ uid: 0, gid: 0 });
  });
});

describe("a bundle", () => {
  test("holds every file once, by its path, and the configuration as it is kept", async () => {
    const file = (name: string): string => join(prefix, name);
    for (const name of ["a.pem", "a.key", "b.pem"]) await writeFile(file(name), `text of ${name}`);
    const both = config({
      certificates: [
        { chain: file("a.pem"), key: file("a.key") },
        { chain: file("b.pem"), key: file("a.key") },
      ],
    });
    expect(await bundleOf(both)).toEqual({
      config: renderConfig(both),
      files: Object.fromEntries(["a.pem", "a.key", "b.pem"].map((name) => [file(name), `text of ${name}`])),
    });
  });

  test("holds parameters of one's own", async () => {
    const parameters = join(prefix, "dh.pem");
    await writeFile(parameters, "parameters");
    const policy = policyFor("intermediate", { dhe: { parameters }, tickets: null });
    expect((await bundleOf(config({ certificates: [], policy }))).files).toEqual({ [parameters]: "parameters" });
  });

  test("is refused, with the file's name, when one cannot be read", async () => {
    const chain = join(prefix, "a.pem");
    await writeFile(chain, "");
    const missing = config({ certificates: [{ chain, key: join(prefix, "gone.key") }] });
    await expect(bundleOf(missing)).rejects.toMatchObject({
      code: "certificate-failed",
      message: `${join(prefix, "gone.key")} cannot be read`,
      hint: expect.stringContaining("mend") as string,
    });
    await expect(bundleOf(config({ certificates: [{ chain, key: prefix }] }))).rejects.toMatchObject({
      code: "certificate-failed",
    });
  });
});
