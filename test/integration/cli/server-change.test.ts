import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { generationFile, readConfig, serverChange } from "../../../src/cli/serve/serve.ts";
import {
  configDigest,
  policyFor,
  renderConfig,
  serverConfig,
  type ServerConfig,
  type ServerState,
  type ServerStatus,
} from "../../../src/server/index.ts";
import { serverSite } from "../../tools/site.ts";

let prefix = "";
let chain = "";

beforeEach(async () => {
  prefix = await mkdtemp(join(tmpdir(), "tlsforge-change-"));
  onTestFinished(() => rm(prefix, { recursive: true, force: true }));
  chain = join(prefix, "a.pem");
  await writeFile(chain, "one");
  await mkdir(join(prefix, "generations", "1"), { recursive: true });
});

const config = (more: Partial<ServerConfig> = {}): ServerConfig => ({
  ...serverConfig({
    site: {
      server: serverSite({ names: ["a.example"] }),
    },
    policy: policyFor("intermediate"),
    generation: 1,
    prefix,
    certificates: [{ chain, key: join(prefix, "a.key") }],
    libssl: "/p/libssl.so",
    about: {},
  }),
  ...more,
});

/** What serves: this configuration, with the certificate file as it was at first. */
function serves(of: ServerConfig, more: Partial<ServerStatus> = {}): ServerState {
  const chainSha256 = createHash("sha256").update("one").digest("hex");
  const status = {
    generation: of.generation,
    configDigest: configDigest(of),
    certificates: [{ names: [], notAfter: "", staple: null, chainSha256 }],
    lastError: null,
    ...more,
  };
  return { state: "serving", status: status as unknown as ServerStatus };
}

const keep = (of: ServerConfig): Promise<void> => writeFile(generationFile(prefix, 1, "server.json"), renderConfig(of));

test("where nothing serves it is launched; where that cannot be told it is started anew", async () => {
  expect(await serverChange(prefix, { state: "not-serving" }, config())).toEqual({
    action: "launch",
    why: "nothing serves",
  });
  expect(await serverChange(prefix, { state: "unknown", reason: "it is silent" }, config())).toEqual({
    action: "relaunch",
    why: "its state cannot be told: it is silent",
  });
});

test("what serves this configuration stays, until its certificate files or its last reload say otherwise", async () => {
  const same = config();
  expect((await serverChange(prefix, serves(same), same)).action).toBe("none");
  expect(await serverChange(prefix, serves(same, { lastError: "the key is damaged" }), same)).toMatchObject({
    action: "reload",
    why: expect.stringContaining("the key is damaged") as string,
  });
  await writeFile(chain, "two");
  expect(await serverChange(prefix, serves(same), same)).toEqual({
    action: "reload",
    why: "the certificate files have changed",
  });
});

test("other certificates alone are a reload", async () => {
  await keep(config());
  const other = config({ certificates: [{ chain: "/other.pem", key: "/other.key" }] });
  expect(await serverChange(prefix, serves(config()), other)).toMatchObject({ action: "reload" });
});

test.each<[string, (of: ServerConfig) => ServerConfig]>([
  ["user", (of) => ({ ...of, user: { name: "tlsforge", uid: 998, gid: 998 } })],
  ["paths", (of) => ({ ...of, paths: { run: "/run/tlsforge", state: "/var/lib/tlsforge", log: null } })],
  ["listen", (of) => ({ ...of, listen: ["127.0.0.1:9443"] })],
  ["certificates, generation", (of) => ({ ...of, generation: 2, certificates: [] })],
])("a change of %s needs another process, and is named", async (names, change) => {
  await keep(config());
  const { action, why } = await serverChange(prefix, serves(config()), change(config()));
  expect(action).toBe("relaunch");
  expect(why.replace("its configuration changes: ", "").split(", ").toSorted()).toEqual(names.split(", ").toSorted());
});

test.each<[string, string | null]>([
  ["is not there", null],
  ["is damaged", "{"],
  ["is null", "null"],
  ["is another's", renderConfig({ generation: 7 } as ServerConfig)],
])("a kept configuration that %s does not count", async (_, text) => {
  if (text !== null) await writeFile(generationFile(prefix, 1, "server.json"), text);
  const other = config({ certificates: [] });
  expect(await serverChange(prefix, serves(config()), other)).toEqual({
    action: "relaunch",
    why: "it serves another configuration",
  });
});

test("a configuration that cannot be read for another reason is no missing one", async () => {
  const file = join(prefix, "folder.json");
  await mkdir(file);
  await expect(readConfig(file)).rejects.toMatchObject({ code: "EISDIR" });
  expect(await readConfig(join(dirname(file), "none.json"))).toBeNull();
});
