import { randomBytes } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { expect, it } from "vitest";
import { judge, type Report } from "../../src/grade/index.ts";
import { observe } from "../../src/probe/index.ts";
import {
  bundleOf,
  classicPolicy,
  configDigest,
  dhFile,
  ensureCertificates,
  ensureDhParameters,
  launch,
  reload,
  serverConfig,
  serverPaths,
  stop,
  type Run,
  type ServerConfig,
} from "../../src/server/index.ts";
import { root } from "../tools/checkout.ts";
import { outputOf } from "./prefix.ts";
import { serverSite } from "../tools/site.ts";

const recipe = join(root, "recipes/classic-server");
const suites = readdirSync(join(recipe, "tests")).filter((name) => /^test_\w+\.py$/.test(name));
const python = (): string => join(outputOf("python-tls"), "bin", "python");
const launcher = (): string => join(outputOf("classic-server"), "bin", "tlsforge-server");

// Python 2.7 has unittest and nothing else. What is served is the output of the recipe, not the sources beside the tests.
it.each(suites)("%s", async (suite) => {
  const { all, exitCode } = await execa(python(), ["-s", "-B", "-m", "unittest", suite.replace(/\.py$/, "")], {
    cwd: join(recipe, "tests"),
    all: true,
    reject: false,
    extendEnv: false,
    env: { PYTHONPATH: join(recipe, "src"), TLSFORGE_TEST_CLASSIC_LAUNCHER: launcher() },
  });
  const skipped = suite === (process.getuid?.() === 0 ? "test_refusals.py" : "test_process.py") ? " (skipped=1)" : "";
  expect(all).toMatch(/^Ran [1-9]\d* tests? in [\d.]+s$/m);
  expect(all.split("\n").at(-1)).toBe(`OK${skipped}`);
  expect(exitCode).toBe(0);
});

it("the output is made from these sources", () => {
  const sources = (folder: string): readonly string[] =>
    readdirSync(folder)
      .filter((name) => name.endsWith(".py"))
      .toSorted()
      .map((name) => `${name}\n${readFileSync(join(folder, name), "utf8")}`);
  const made = join(outputOf("classic-server"), "lib/classic_server");
  expect(sources(made)).toEqual(sources(join(recipe, "src/classic_server")));
});

it("is launched, asked, reloaded and stopped by tlsforge", async () => {
  const prefix = await mkdtemp(join(tmpdir(), "tlsforge-classic-"));
  try {
    const { config, authority } = await set(prefix);
    const served = await launch({
      prefix,
      python: [python(), "-E", "-s"],
      launcher: launcher(),
      config,
      supervisor: null,
      emit: () => {},
    });
    expect(served).toMatchObject({
      configDigest: configDigest(config),
      handsOver: false,
      vulnerable: config.vulnerable,
      libssl: config.libssl,
      policy: { profile: "classic-2013", dhBits: 1024, handshakes: 6 },
    });
    expect(await page(served.listen[0] ?? "", authority)).toContain("This TLS server is vulnerable");
    const again = { ...config, generation: 2 };
    expect(await reload(prefix, await bundleOf(again))).toMatchObject({ generation: 2, lastError: null });
    const elsewhere = { ...config, listen: ["127.0.0.1:1"] };
    await expect(reload(prefix, await bundleOf(elsewhere))).rejects.toThrow("listen cannot change");
    expect(await stop(prefix)).toBe("stopped");
  } finally {
    await stop(prefix);
    await rm(prefix, { recursive: true, force: true });
  }
});

it("is found out by verify when its two single-use options are off, and not when they are on", async () => {
  const prefix = await mkdtemp(join(tmpdir(), "tlsforge-classic-"));
  try {
    const { config } = await set(prefix);
    const lasting = {
      ...config,
      policy: { ...config.policy, options: config.policy.options.filter((name) => !name.startsWith("SINGLE_")) },
    };
    const reuse: (string | undefined)[] = [];
    for (const each of [config, lasting]) {
      const { listen } = await launch({
        prefix,
        python: [python(), "-E", "-s"],
        launcher: launcher(),
        config: each,
        supervisor: null,
        emit: () => {},
      });
      const report = await reportOf(Number(listen[0]?.split(":").at(-1)));
      reuse.push(report.findings.map(({ message }) => message).find((text) => /^(?:No e|E)phemeral key/.test(text)));
      await stop(prefix);
    }
    expect(reuse).toEqual(["No ephemeral key was seen twice", "Ephemeral keys are used more than once"]);
  } finally {
    await stop(prefix);
    await rm(prefix, { recursive: true, force: true });
  }
});

async function reportOf(port: number): Promise<Report> {
  const observations = await observe(
    { host: "127.0.0.1", port, serverName: "localhost" },
    { ca: [], signal: new AbortController().signal, now: new Date(), random: (length) => randomBytes(length) },
  );
  return judge(observations);
}

const run: Run = async ([program = "", ...argv], options) => {
  const ran = await execa(program, argv, { reject: false, extendEnv: false, env: { ...options?.environment } });
  return { exitCode: ran.exitCode ?? 1, stdout: ran.stdout, stderr: ran.stderr };
};

/** A configuration as a provision of this stack would make it. */
async function set(prefix: string): Promise<{ readonly config: ServerConfig; readonly authority: Buffer }> {
  const library = join(outputOf("openssl"), "lib");
  const openssl = join(outputOf("openssl"), "bin", "openssl");
  const { rsa } = serverPaths(prefix);
  const made = await ensureCertificates({ openssl, folder: rsa, names: [], now: new Date(), run, keys: ["RSA-2048"] });
  const dhParameters = dhFile(rsa, 1024);
  await ensureDhParameters({ openssl, file: dhParameters, bits: 1024, run, onProgress: () => {} });
  const libssl = (await readdir(library)).find((name) => /^libssl\.so\.\d/.test(name)) ?? "";
  const config = serverConfig({
    site: {
      server: serverSite({ names: ["localhost"], listen: ["127.0.0.1:0"], ocsp: "off", accessLog: false }),
    },
    policy: classicPolicy({ curve: "prime256v1", dhParameters }),
    generation: 1,
    prefix,
    certificates: made.certificates,
    libssl: join(library, libssl),
    about: { openssl: "of the prefix" },
    vulnerable: [{ recipe: "openssl", version: "1.0.1e", id: "CVE-2014-0160", name: "Heartbleed" }],
  });
  return { config, authority: await readFile(made.authority) };
}

function page(listen: string, ca: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    get(`https://${listen}/`, { ca, agent: false }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk: string) => (text += chunk));
      answer.on("end", () => resolve(text));
    }).on("error", reject);
  });
}
