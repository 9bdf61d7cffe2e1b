import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkRequirements, detectPlatform, nodeHost } from "../../../src/host/index.ts";
import type { Host, NodeHostOptions } from "../../../src/host/index.ts";
import { describeWith } from "../../tools/needs.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tlsforge-host-"));
});
afterAll(() => rm(folder, { recursive: true }));

function machine(more: Partial<NodeHostOptions> = {}): Host {
  return nodeHost({
    platform: detectPlatform({ os: process.platform, arch: process.arch }),
    environment: process.env,
    uid: process.getuid?.() ?? -1,
    emit: () => undefined,
    interactive: false,
    allowSudo: false,
    ...more,
  });
}

test("a program's answer is given as it is, whatever it is", async () => {
  const host = machine();
  expect(await host.exec(["cat"], { input: "a\nb\n" })).toEqual({ exitCode: 0, stdout: "a\nb\n", stderr: "" });
  expect(await host.exec(["cat"])).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  expect((await host.exec(["false"])).exitCode).toBe(1);
  expect(await host.exec(["tlsforge-no-such-program"])).toMatchObject({ exitCode: 127, stdout: "" });
  expect((await host.exec(["sleep", "10"], { timeoutSeconds: 0.1 })).exitCode).toBe(124);
  expect((await host.exec(["sh", "-c", "kill -9 $$"])).exitCode).toBe(137);
});

test("nothing of the caller's environment that changes tools gets in, and what a command is given does", async () => {
  const environment = {
    PATH: process.env["PATH"],
    HOME: "/h",
    CPATH: "/x",
    LD_PRELOAD: "/x.so",
    PERL5LIB: "/x",
    CC: "tcc",
    LC_ALL: "de_DE",
    LANG: "de",
    PYTHONPATH: "/x",
    MAKEFLAGS: "-k",
  };
  const { stdout } = await machine({ environment }).exec(["env"], { environment: { GIVEN: "1" } });
  expect(
    stdout
      .trim()
      .split("\n")
      .filter((line) => !line.startsWith("PATH="))
      .toSorted(),
  ).toEqual(["GIVEN=1", "HOME=/h", "LC_ALL=C"]);
});

test("programs are found on PATH and in the standard folders, when they are programs", async () => {
  const host = machine({ environment: { PATH: `relative:${folder}` } });
  await writeFile(join(folder, "plain"), "");
  await mkdir(join(folder, "folder"));
  await writeFile(join(folder, "mine"), "#!/bin/sh\necho mine\n");
  await chmod(join(folder, "mine"), 0o755);
  expect(await host.which("mine")).toBe(join(folder, "mine"));
  expect(await host.which("plain")).toBeNull();
  expect(await host.which("folder")).toBeNull();
  expect(await host.which("sh")).toMatch(/^\/(usr\/)?bin\/sh$/);
  expect((await host.exec(["mine"])).stdout).toBe("mine\n");
});

test("paths are told as they are, links not followed", async () => {
  const host = machine();
  await symlink("nowhere", join(folder, "link"));
  await writeFile(join(folder, "f"), "four");
  await chmod(join(folder, "f"), 0o640);
  expect(await host.facts(join(folder, "f"))).toMatchObject({
    kind: "file",
    mode: 0o640,
    size: 4,
    uid: process.getuid?.(),
  });
  expect(await host.facts(join(folder, "link"))).toMatchObject({ kind: "link" });
  expect(await host.facts(join(folder, "f", "below"))).toBeNull();
  expect(await host.readFile(join(folder, "none"))).toBeNull();
  expect(await host.list(join(folder, "none"))).toEqual([]);
  await expect(host.readFile(folder)).rejects.toMatchObject({ code: "host-failed" });
});

test("a signal ends what runs, as an interruption", async () => {
  const abort = new AbortController();
  const running = machine({ signal: abort.signal }).exec(["sleep", "10"]);
  setTimeout(() => abort.abort(), 50);
  await expect(running).rejects.toMatchObject({ code: "interrupted" });
});

test("without sudo an ordinary user has no privilege", async () => {
  const host = machine({ uid: 1000 });
  expect(host.privilege).toBe("none");
  await expect(host.elevated(["true"], "test")).rejects.toMatchObject({ code: "host-refused" });
});

test("sudo that asks for no password is privilege, and is what runs the command", async () => {
  await writeFile(
    join(folder, "sudo"),
    '#!/bin/sh\n[ "$1" = -n ] || exit 1\nshift\n[ "$1" = -- ] && shift\nAS=root exec "$@"\n',
  );
  await chmod(join(folder, "sudo"), 0o755);
  const host = machine({ uid: 1000, allowSudo: true, environment: { PATH: `${folder}:/usr/bin:/bin` } });
  expect(host.privilege).toBe("sudo");
  expect(
    (await host.elevated(["sh", "-c", "cat; echo $AS $X"], "test", { input: "in ", environment: { X: "y z" } })).stdout,
  ).toBe("in root y z\n");
});

describeWith(["cc", "make"], "requirements, for real", () => {
  test("are tried, all at once", async () => {
    const results = await checkRequirements(machine({ environment: { ...process.env, CPATH: folder } }), [
      { kind: "program", name: "cc" },
      { kind: "program", name: "make", version: ">=3" },
      { kind: "program", name: "make", version: ">=99" },
      { kind: "program", name: "tlsforge-no-such-program" },
      { kind: "header", name: "math.h", library: "m" },
      { kind: "header", name: "tlsforge-none.h" },
      { kind: "header", name: "math.h", library: "tlsforge-none" },
      { kind: "perl-module", name: "strict" },
      { kind: "perl-module", name: "Tlsforge::None" },
      { kind: "perl-module", name: "strict; exit 0" },
    ]);
    expect(results.map(({ outcome }) => outcome)).toEqual([
      "met",
      "met",
      "too-old",
      "missing",
      "met",
      "missing",
      "missing",
      "met",
      "missing",
      "missing",
    ]);
  });

  test("a header that only the caller's environment reaches does not count", async () => {
    await writeFile(join(folder, "tlsforge-mine.h"), "");
    const host = machine({ environment: { ...process.env, CPATH: folder } });
    const [result] = await checkRequirements(host, [{ kind: "header", name: "tlsforge-mine.h" }]);
    expect(result?.outcome).toBe("missing");
  });
});
