import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { afterAll, describe, expect, it } from "vitest";
import { X509Certificate } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exitCodeFor } from "../../../src/errors.ts";
import { verify } from "../../../src/cli/commands/verify.ts";
import { errorFields, record, type Result } from "../../../src/cli/result.ts";
import { encodeRecords } from "../../../src/wire/index.ts";
import { mockTls, withMock, type Behaviour } from "../probe/mock.ts";
import { issue } from "../probe/support.ts";
import { contextIn, freshFolder } from "./context.ts";

/** How `verify` of this target ends, thrown or not, and how long it took. */
async function ended(target: string): Promise<{ result: Result; seconds: number }> {
  const began = performance.now();
  const request = { targets: [target], ca: [], ignoreTrust: true, minGrade: null, maxSeconds: 4 };
  const result = await verify(contextIn(await freshFolder()), request).catch((error: unknown): Result => ({
    outcome: "failed",
    exitCode: exitCodeFor(error),
    fields: errorFields(error),
    text: "",
    error,
  }));
  return { result, seconds: (performance.now() - began) / 1000 };
}

function expectNoGrade({ result, seconds }: { result: Result; seconds: number }, code: RegExp): void {
  expect(result).toMatchObject({ outcome: "failed", exitCode: 3 });
  expect(result.fields.error?.code).toMatch(code);
  const judged = result.fields.report?.grades["ssllabs-2009r"];
  expect([judged?.grade ?? null, judged?.gradeTrustIgnored ?? null]).toEqual([null, null]);
  expect(seconds).toBeLessThan(20);
}

/** Passes on the start of each answer, a byte a second. */
function dripping(socket: Socket, bytes: Uint8Array): void {
  let at = 0;
  const timer = setInterval(() => {
    if (socket.destroyed || at >= bytes.length) clearInterval(timer);
    else socket.write(bytes.subarray(at, ++at));
  }, 1000);
  socket.once("close", () => clearInterval(timer));
}

const good = { versions: [0x0304, 0x0303], suites: [0x1301, 0xc02f] };

describe("verify says no grade and exits 3", () => {
  it.each<[string, Behaviour, RegExp]>([
    ["of a host that says nothing", () => undefined, /^incomplete$/],
    ["of one that closes at once", (socket) => void socket.end(), /^incomplete$/],
    ["of SSH", (socket) => void socket.write("SSH-2.0-OpenSSH_9.2p1\r\n"), /^incomplete$/],
    [
      "of plain HTTP",
      (socket) => void socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")),
      /^incomplete$/,
    ],
    ["of a byte a second", mockTls({ ...good, deliver: dripping }), /^incomplete$/],
    [
      "of megabytes of handshake",
      (socket) => {
        const more = (): void => {
          while (!socket.destroyed && socket.write(encodeRecords(22, 0x0303, new Uint8Array(2 ** 17))));
        };
        socket.on("drain", more);
        socket.once("data", more);
      },
      /^incomplete$/,
    ],
    [
      "where a middlebox resets all",
      (socket) => void socket.once("data", () => socket.resetAndDestroy()),
      /^incomplete$/,
    ],
    [
      "where a middlebox resets most",
      (socket, count) =>
        count % 3 === 1 ? mockTls(good)(socket, count) : void socket.once("data", () => socket.resetAndDestroy()),
      /^incomplete$/,
    ],
    [
      "where a middlebox cuts long hellos off",
      mockTls({ ...good, deliver: (socket, bytes) => void socket.end(bytes.subarray(0, 20)) }),
      /^incomplete$/,
    ],
  ])("%s", async (_name, behaviour, code) => {
    await withMock(behaviour, async (port) => expectNoGrade(await ended(`127.0.0.1:${port}`), code));
  });

  it.each<[string, Behaviour, RegExp, RegExp]>([
    [
      "refuses every hello",
      (socket) => void socket.once("data", () => socket.end(Uint8Array.of(21, 3, 3, 0, 2, 2, 40))),
      /no handshake was ever completed: every hello was refused: alert 40/,
      /--server-name/,
    ],
    ["greets in SMTP", (socket) => void socket.write("220 mail.example ESMTP\r\n"), /\(SMTP\)/, /--starttls smtp$/],
    ["greets in FTP", (socket) => void socket.write("220 (vsFTPd 3.0.3)\r\n"), /\(FTP\)/, /--starttls ftp$/],
    ["greets in IMAP", (socket) => void socket.write("* OK ready\r\n"), /\(IMAP\)/, /--starttls imap$/],
    ["greets in POP3", (socket) => void socket.write("+OK ready\r\n"), /\(POP3\)/, /--starttls pop3$/],
    ["greets in SSH", (socket) => void socket.write("SSH-2.0-x\r\n"), /speaks SSH/, /SSH is not TLS/],
  ])("where it %s, with what to do", async (_name, behaviour, why, hint) => {
    await withMock(behaviour, async (port) => {
      const seen = await ended(`127.0.0.1:${port}`);
      expectNoGrade(seen, /^incomplete$/);
      expect(seen.result.fields.report?.grades["ssllabs-2009r"]?.caps).toEqual([]);
      expect(seen.result.fields.error?.details?.join()).toMatch(why);
      expect(seen.result.fields.error?.hint).toMatch(hint);
    });
  });

  it("of a closed port, and of a name that does not resolve", async () => {
    const port = await withMock(
      () => undefined,
      async (open) => open,
    );
    expectNoGrade(await ended(`127.0.0.1:${port}`), /^unreachable$/);
    expectNoGrade(await ended("no-such-host.invalid"), /^unreachable$/);
  });
});

describe("certificates", async () => {
  const folder = await mkdtemp(join(tmpdir(), "tlsforge-bad-"));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const der = async (name: string, extensions: readonly string[]): Promise<Uint8Array> =>
    new X509Certificate(await readFile((await issue(folder, { name, extensions, isCa: true })).certificate)).raw;
  const serve = (certificate: Uint8Array): Behaviour =>
    mockTls({ versions: [0x0303], suites: [0xc02f], certificate: new Uint8Array(certificate) });

  it("with 10,000 names are read in bounded time", async () => {
    const names = Array.from({ length: 10_000 }, (_, index) => `DNS:name-${index}.example.org`).join(",");
    const certificate = await der("many", [`subjectAltName=${names}`]);
    await withMock(serve(certificate), async (port) => expectNoGrade(await ended(`127.0.0.1:${port}`), /^incomplete$/));
  });

  it("with hostile strings are never printed raw", async () => {
    const hostile = await der("hostile", [
      "subjectAltName=@names\n[names]\nDNS.1=<script>alert(1)</script>\nDNS.2=\u001b]0;x\u0007\u001b[2J.example",
    ]);
    await withMock(serve(hostile), async (port) => {
      const { result } = await ended(`127.0.0.1:${port}`);
      expect(result.fields.report?.observations.certificates.state).toBe("observed");
      const raw = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/;
      expect(result.text).not.toMatch(raw);
      expect(record("verify", result)).not.toMatch(raw);
      expect(JSON.stringify(result.fields)).not.toContain("\\u001b");
    });
  });
});
