/** The gate of `provision` over real connections: what is trusted there, and what a letter that cannot be said comes to. */
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { createServer as createTlsServer, type TlsOptions, type Server } from "node:tls";
import { createServer as createHttpsServer } from "node:https";
import { expect, onTestFinished, test } from "vitest";
import { grade, type Graded } from "../../../src/cli/serve/gate.ts";
import { generationFile } from "../../../src/cli/serve/serve.ts";
import type { ServerSetup } from "../../../src/cli/serve/setup.ts";
import { toolStamps, type Built } from "../../../src/cli/make/pipeline.ts";
import type { ForgeEvent } from "../../../src/events.ts";
import { parseSite, type Site } from "../../../src/recipe/index.ts";
import type { Manifest } from "../../../src/store/index.ts";
import { describeWith } from "../../tools/needs.ts";
import { issue, read } from "../probe/support.ts";
import { contextIn, freshFolder } from "./context.ts";

/** A server of good TLS: Node's own, with the suites that everything here is content with. */
const terms: TlsOptions = { ciphers: "TLS_AES_256_GCM_SHA384:ECDHE-ECDSA-AES256-GCM-SHA384", minVersion: "TLSv1.2" };

const speaks = {
  http: (options: TlsOptions): Server =>
    createHttpsServer(options, (_request, response) => {
      response.setHeader("Strict-Transport-Security", "max-age=63072000");
      response.end();
    }),
  "an echo": (options: TlsOptions): Server =>
    createTlsServer(options, (socket) => {
      socket.on("error", () => undefined);
      socket.on("data", (bytes) => socket.write(`echo ${bytes.toString("latin1")}`));
    }),
} as const;

/** How a server of a private authority is graded, where the site file says this of `verify`. */
async function graded(
  what: keyof typeof speaks,
  verify: string,
): Promise<Graded & { readonly details: readonly string[]; readonly kept: Manifest }> {
  const folder = await freshFolder();
  const authority = await issue(folder, { name: "Staging Root", isCa: true });
  const leaf = await issue(folder, { name: "localhost", issuer: authority });
  const server = speaks[what]({ ...terms, cert: await read(leaf.certificate), key: await read(leaf.key) });
  server.on("tlsClientError", () => undefined);
  onTestFinished(() => void server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const listen = [`127.0.0.1:${(server.address() as AddressInfo).port}`];

  const events: ForgeEvent[] = [];
  const context = { ...contextIn(folder), emit: (event: ForgeEvent) => void events.push(event) };
  const { prefix } = context.options;
  const manifest = {
    schema: "tlsforge.manifest/1",
    layout: 1,
    generation: 1,
    stack: "small",
    created: "2026-01-01T00:00:00Z",
    fingerprint: "",
    builds: [],
    host: [],
    tools: [],
    server: null,
    accepted: false,
    report: null,
    warnings: [],
  };
  const file = generationFile(prefix, 1, "manifest.json");
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, JSON.stringify(manifest));
  const site = parseSite({
    text: `verify: ${verify.replace("CA", authority.certificate)}\n`,
    path: join(folder, "tlsforge.yaml"),
  });
  const built = { site, selection: { stack: { purpose: "service" } } } as unknown as Built;
  const setup = { config: { names: ["localhost"], listen }, authority: null } as unknown as ServerSetup;
  const request = { stack: null, sources: { sources: {}, offline: true }, minGrade: null };
  const result = await grade(context, request, { built, manifest: manifest as unknown as Manifest, setup, listen });
  const details = events.flatMap((event) =>
    event.type === "phase" && event.detail !== undefined ? [event.detail] : [],
  );
  return { ...result, details, kept: JSON.parse(await readFile(file, "utf8")) as Manifest };
}

describeWith(["openssl"], "the gate", () => {
  test("refuses a private authority, and says how it is named", async () => {
    const { problem, kept } = await graded("http", "{ min-grade: F }");
    expect(problem).toMatchObject({
      code: "grade-low",
      hint: expect.stringMatching(/^trust alone is missing: .* verify: \{ ca: FILE \} in the site file/) as string,
    });
    expect(kept.accepted).toBe(false);
  });

  test("trusts the authority that the site file names", async () => {
    const { problem, report, kept } = await graded("http", "{ ca: CA }");
    expect(problem).toBeNull();
    expect(report.grades["ssllabs-2009r"]).toMatchObject({ grade: "T", gradeTrustIgnored: "A+" });
    expect(kept).toMatchObject({ accepted: true, report: { gradeTrustIgnored: "A+" } });
  });

  test("what was graded by that authority is not taken for granted once its file changes", async () => {
    const ca = join(await freshFolder(), "ca.pem");
    const stamps = (verify: Site["verify"]): readonly string[] =>
      toolStamps({ requirements: [], site: { ...parseSite(null), verify } }).map(({ path }) => path);
    await writeFile(ca, "one");
    expect(stamps({ minGrade: null, ca })).toContain(ca);
    expect(stamps({ minGrade: null, ca: null })).not.toContain(ca);
  });

  test("takes a server without HTTP where the worst that its letter can be is enough, and says so", async () => {
    const { problem, details, kept } = await graded("an echo", "{ ca: CA, min-grade: A- }");
    expect(problem).toBeNull();
    expect(details.join()).toMatch(/at least A-, \d+ connections/);
    expect(kept).toMatchObject({
      accepted: true,
      report: { grade: "T", gradeTrustIgnored: null, bounds: { best: "A+", worst: "A-" } },
    });
  });

  test("refuses it by default, naming what is not known and the grade that would do", async () => {
    const { problem, kept } = await graded("an echo", "{ ca: CA }");
    expect(problem).toMatchObject({
      code: "incomplete",
      message: expect.stringMatching(/cannot be said: it is A- to A\+, and A\+ is wanted$/) as string,
      hint: expect.stringMatching(/ssllabs\.hsts\.valid.* verify: \{ min-grade: A- \} in the site file/) as string,
    });
    expect(kept.accepted).toBe(false);
  });
});
