import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { get } from "node:https";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { afterEach, beforeEach, expect, it } from "vitest";
import {
  bundleOf,
  configDigest,
  ensureCertificates,
  launch,
  lossesOf,
  policyFor,
  reload,
  renderConfig,
  serverConfig,
  serverPaths,
  status,
  stop,
} from "../../../src/server/index.ts";
import type { Dhe, KeyKind, LaunchOptions, Profile, Run, ServerConfig } from "../../../src/server/index.ts";
import { judge, type GradeResult } from "../../../src/grade/index.ts";
import { observe } from "../../../src/probe/index.ts";
import { fuzzHellos } from "../../tools/fuzz/hellos.ts";
import { describeWith, needs, testPrefix } from "../../tools/needs.ts";
import { serverSite } from "../../tools/site.ts";

let prefix: string;

beforeEach(async () => {
  prefix = await mkdtemp(join(tmpdir(), "tlsforge-real-"));
});

afterEach(async () => {
  await stop(prefix);
  await rm(prefix, { recursive: true, force: true });
});

const run: Run = ([program = "", ...argv], options) =>
  new Promise((resolve) => {
    execFile(program, argv, { env: { ...options?.environment } }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
    });
  });

/** The store paths of the prefix's current generation. */
async function outputs(): Promise<(recipe: string) => string> {
  const manifest = JSON.parse(await readFile(join(testPrefix(), "current", "manifest.json"), "utf8")) as {
    builds: { recipe: string; out: string }[];
  };
  return (recipe) => manifest.builds.find((build) => build.recipe === recipe)?.out ?? "";
}

async function options(
  listen: string,
  change: Partial<ServerConfig> = {},
  profile: Profile = "intermediate",
  dhe: Dhe | null = null,
): Promise<LaunchOptions & { authority: string }> {
  const out = await outputs();
  const libraries = await readdir(join(out("openssl"), "lib"));
  const made = await ensureCertificates({
    openssl: join(out("openssl"), "bin", "openssl"),
    folder: serverPaths(prefix).tls,
    names: [],
    now: new Date(),
    run,
    keys: keysFor(profile, dhe),
  });
  const config = serverConfig({
    site: {
      server: serverSite({
        names: ["localhost"],
        listen: [listen],
        hsts: { maxAge: 63_072_000, includeSubdomains: true, preload: false },
      }),
    },
    policy: policyFor(profile, { dhe, tickets: null }),
    generation: 1,
    prefix,
    certificates: made.certificates,
    libssl: join(out("openssl"), "lib", libraries.find((name) => /^libssl.*\.so\.\d+$/.test(name)) ?? ""),
    about: { openssl: "of the prefix" },
  });
  return {
    python: [join(out("python-tls"), "bin", "python"), "-I"],
    launcher: join(out("hardened-server"), "bin", "tlsforge-server"),
    config: { ...config, ...change },
    prefix,
    supervisor: null,
    emit: () => {},
    authority: made.authority,
  };
}

/** DHE suites need an RSA key. */
function keysFor(profile: Profile, dhe: Dhe | null): readonly KeyKind[] {
  const [ecdsa, rsa] = profile === "ssllabs-100" ? (["P-384", "RSA-4096"] as const) : (["P-256", "RSA-3072"] as const);
  return dhe === null ? [ecdsa] : [ecdsa, rsa];
}

function ask(listen: string | undefined, ca: Buffer): Promise<{ answer: IncomingMessage; protocol: string | null }> {
  return new Promise((resolve, reject) => {
    const request = get(`https://${listen ?? ""}/`, { ca, agent: false }, (answer) => {
      answer.resume();
      resolve({ answer, protocol: (answer.socket as TLSSocket).getProtocol() });
    });
    request.on("error", reject);
  });
}

describeWith(["linux", "prefix"], "the server of a provisioned prefix", () => {
  it("is launched, trusted by its authority, reloaded and stopped", async () => {
    const wanted = await options("127.0.0.1:0");
    const served = await launch(wanted);
    expect(served.configDigest).toBe(configDigest(wanted.config));
    expect(served.libssl).toBe(wanted.config.libssl);
    expect(served.policy).toMatchObject({
      tickets: "off",
      groups: wanted.config.policy.groups,
      noNewPrivileges: "in force",
    });
    const authority = await readFile(wanted.authority);
    const { answer, protocol } = await ask(served.listen[0], authority);
    expect([answer.statusCode, protocol]).toEqual([200, "TLSv1.3"]);
    expect(answer.headers["strict-transport-security"]).toBe("max-age=63072000; includeSubDomains");

    const bundle = await bundleOf(wanted.config);
    expect(
      (await reload(prefix, { ...bundle, config: renderConfig({ ...wanted.config, generation: 2 }) })).generation,
    ).toBe(2);
    const config = renderConfig({
      ...wanted.config,
      certificates: [{ chain: "/dev/null/none", key: "/dev/null/none" }],
    });
    await expect(reload(prefix, { ...bundle, config })).rejects.toMatchObject({ code: "server-failed" });
    expect(await status(prefix)).toMatchObject({
      state: "serving",
      status: { generation: 2, lastError: expect.stringContaining("/dev/null/none") },
    });
    expect((await ask(served.listen[0], authority)).answer.statusCode).toBe(200);
    expect(await stop(prefix)).toBe("stopped");
    expect(await status(prefix)).toEqual({ state: "not-serving" });
  });

  it.each<[Profile, Dhe | null, object]>([
    [
      "modern",
      null,
      { letter: "A+", scores: [100, 90, 90], aaa: true, mozilla: "modern", ncsc: "sufficient", lost: [] },
    ],
    [
      "intermediate",
      null,
      { letter: "A+", scores: [100, 90, 90], aaa: true, mozilla: "intermediate", ncsc: "sufficient", lost: [] },
    ],
    [
      "compatible",
      null,
      {
        letter: "A+",
        scores: [100, 90, 90],
        aaa: false,
        mozilla: "none",
        ncsc: "insufficient",
        lost: ["AAA", "mozilla-6.0", "ncsc-nl-2025"],
      },
    ],
    [
      "ssllabs-100",
      null,
      {
        letter: "A+",
        scores: [100, 100, 100],
        aaa: false,
        mozilla: "none",
        ncsc: "sufficient",
        lost: ["AAA", "mozilla-6.0", "RFC 8446, section 9.1", "speed"],
      },
    ],
    [
      "intermediate",
      { group: "ffdhe2048" },
      {
        letter: "A+",
        scores: [100, 90, 90],
        aaa: false,
        mozilla: "none",
        ncsc: "insufficient",
        lost: ["AAA", "mozilla-6.0", "ncsc-nl-2025"],
      },
    ],
    [
      "intermediate",
      { group: "ffdhe3072" },
      {
        letter: "A+",
        scores: [100, 90, 90],
        aaa: false,
        mozilla: "none",
        ncsc: "phase-out",
        lost: ["AAA", "mozilla-6.0", "ncsc-nl-2025"],
      },
    ],
    [
      "ssllabs-100",
      { group: "ffdhe3072" },
      {
        letter: "A+",
        scores: [100, 90, 100],
        aaa: false,
        mozilla: "none",
        ncsc: "phase-out",
        lost: ["AAA", "mozilla-6.0", "RFC 8446, section 9.1", "speed", "AAA", "mozilla-6.0", "ncsc-nl-2025"],
      },
    ],
  ])(
    "profile %s with DHE %o is what the rulebooks make of it, and loses what it says",
    async (profile, dhe, expected) => {
      const wanted = await options("127.0.0.1:0", {}, profile, dhe);
      const { listen } = await launch(wanted);
      const authority = await readFile(wanted.authority, "utf8");
      const report = judge(
        await observe(
          { host: "127.0.0.1", port: Number(listen[0]?.split(":").at(-1)), serverName: "localhost" },
          {
            ca: [],
            localCa: authority,
            signal: new AbortController().signal,
            now: new Date(),
            random: (n) => randomBytes(n),
          },
        ),
      );
      const levelOf = (rulebook: string): unknown => (report.grades[rulebook] as { readonly level?: unknown }).level;
      const labs = report.grades["ssllabs-2009r"] as GradeResult;
      expect({
        letter: labs.gradeTrustIgnored,
        scores: [labs.scores?.protocol, labs.scores?.keyExchange, labs.scores?.cipher],
        aaa: report.aaa,
        mozilla: levelOf("mozilla-6.0"),
        ncsc: levelOf("ncsc-nl-2025"),
        lost: lossesOf(profile, { dhe }).map((loss) => loss.of),
      }).toEqual(expected);
    },
  );

  it("answers mutated hellos and is the same afterwards", { timeout: 240_000 }, async () => {
    const runs = needs("all") === null ? 100_000 : 3000;
    const wanted = await options("127.0.0.1:0", { workers: 2 });
    const { pid, listen } = await launch(wanted);
    const openssl = join((await outputs())("openssl"), "bin", "openssl");
    const sent = await fuzzHellos({ target: listen[0] ?? "", pid, openssl, runs, seed: 7, clients: 16 });
    expect(sent).toMatchObject({ runs, processes: 4, descriptors: 0 });
    expect(sent.growthBytes).toBeLessThan(8 * 2 ** 20);
    // What is mutated is mostly refused, but not so much that nothing else is reached.
    expect(sent.answers.alert).toBeGreaterThan(runs / 3);
    expect(sent.answers.hello).toBeGreaterThan(runs / 30);
  });

  it("refuses a port in use and names who has it", async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => holder.once("listening", resolve));
    const { port } = holder.address() as AddressInfo;
    await expect(launch(await options(`127.0.0.1:${port}`))).rejects.toMatchObject({
      code: "port-in-use",
      message: expect.stringContaining(`by process ${process.pid} (`),
    });
    holder.close();
    expect(await status(prefix)).toEqual({ state: "not-serving" });
  });

  it("refuses a policy that OpenSSL does not take, and another libssl", async () => {
    const policy = { ...policyFor("intermediate"), groups: ["X25519", "nothing"] };
    await expect(launch(await options("127.0.0.1:0", { policy }))).rejects.toMatchObject({
      code: "server-failed",
      message: expect.stringContaining("OpenSSL refuses the groups X25519:nothing"),
    });
    await expect(launch(await options("127.0.0.1:0", { libssl: "/usr/lib/libssl.so.3" }))).rejects.toMatchObject({
      message: expect.stringContaining("expected /usr/lib/libssl.so.3"),
    });
  });
});
