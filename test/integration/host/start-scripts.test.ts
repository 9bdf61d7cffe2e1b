/** The start scripts' own shell, run with a stand-in for the server and for what the systems bring. */
import { execFile, execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openrcScript, rcdScript } from "../../../src/host/index.ts";
import { describeWith } from "../../tools/needs.ts";

const run = promisify(execFile);

/** Writes its pid file as the server does, and ends when it is told to. */
const server = `#!/bin/sh
case $* in *--check*) [ ! -e "$FORGE/broken" ]; exit ;; esac
(
	trap 'rm -f "$FORGE/var/run/server.pid"; exit 0' TERM
	read -r stat < /proc/self/stat
	pid=\${stat%% *}
	read -r stat < "/proc/$pid/stat"
	set -- \${stat##*) }
	shift 19
	printf '%s\\n%s\\n' "$pid" "$1" > "$FORGE/var/run/server.pid"
	while :; do sleep 0.1; done
) </dev/null >/dev/null 2>&1 &
`;

describeWith(["linux"], "the start scripts", () => {
  let prefix = "";
  beforeEach(() => {
    prefix = mkdtempSync(join(tmpdir(), "tlsforge it's "));
    for (const folder of ["var/run", "current/bin"]) mkdirSync(join(prefix, folder), { recursive: true });
    writeFileSync(join(prefix, "current/bin/tlsforge-server"), server, { mode: 0o755 });
    writeFileSync(join(prefix, "daemon"), '#!/bin/sh\nwhile [ "$1" != -T ]; do shift; done\nshift 2\nexec "$@"\n');
    chmodSync(join(prefix, "daemon"), 0o755);
  });
  afterEach(async () => {
    await script("openrc", "stop");
    rmSync(prefix, { recursive: true });
  });

  /** What a verb of a script leaves, with the system's own part played by a few lines. */
  const script = async (system: "openrc" | "rc.d", verb: string): Promise<number> => {
    const options = {
      name: "tlsforge",
      prefix,
      config: join(prefix, "server.json"),
      reload: ["/bin/sh", "-c", `echo "it's" >"${prefix}/reloaded"`],
    };
    const text =
      system === "openrc"
        ? `ebegin() { :; }; eend() { return "$1"; }; einfo() { echo "$1"; }; eerror() { echo "$1"; }\n${openrcScript(options)}\n${verb}\n`
        : rcdScript(options)
            .replace(". /etc/rc.subr", () => 'load_rc_config() { :; }; run_rc_command() { eval "\\$${1}_cmd"; }')
            .replace("/usr/sbin/daemon", () => `'${join(prefix, "daemon").replaceAll("'", String.raw`'\''`)}'`);
    const file = join(prefix, "script");
    writeFileSync(file, text);
    const environment = { PATH: process.env["PATH"] ?? "", FORGE: prefix };
    return run("sh", [file, verb], { env: environment, timeout: 60_000 }).then(
      () => 0,
      (error: { code: number }) => error.code,
    );
  };
  const pid = (): number => Number(readFileSync(join(prefix, "var/run/server.pid"), "utf8").split("\n")[0]);

  test.each<["openrc" | "rc.d", number]>([
    ["openrc", 3],
    ["rc.d", 1],
  ])("%s: started once, told, reloaded, ended", async (system, stopped) => {
    expect(await script(system, "status")).toBe(stopped);
    expect(await script(system, "start")).toBe(0);
    const first = pid();
    expect(process.kill(first, 0)).toBe(true);
    expect(await script(system, "start")).toBe(0);
    expect(pid()).toBe(first);
    expect(await script(system, "status")).toBe(0);
    expect(await script(system, "reload")).toBe(0);
    expect(readFileSync(join(prefix, "reloaded"), "utf8")).toBe("it's\n");
    expect(await script(system, "stop")).toBe(0);
    expect(() => process.kill(first, 0)).toThrow("ESRCH");
    expect(await script(system, "status")).toBe(stopped);
  });

  test("a configuration that the server refuses starts nothing", async () => {
    writeFileSync(join(prefix, "broken"), "");
    expect(await script("openrc", "start")).toBe(1);
    expect(await script("rc.d", "start")).toBe(1);
  });

  test("what the server's user may leave in the run folder neither holds a script up nor leads it elsewhere", async () => {
    const file = join(prefix, "var/run/server.pid");
    execFileSync("mkfifo", [file]);
    expect(await script("openrc", "status")).toBe(3);
    rmSync(file);
    expect(await script("openrc", "start")).toBe(0);
    const [first, text] = [pid(), readFileSync(file, "utf8")];
    rmSync(file);
    writeFileSync(`${file}.there`, text);
    symlinkSync(`${file}.there`, file);
    expect(await script("openrc", "status")).toBe(3);
    rmSync(file);
    writeFileSync(file, `*\n${text}`);
    expect(await script("rc.d", "status")).toBe(1);
    writeFileSync(file, text);
    expect(await script("openrc", "status")).toBe(0);
    expect(await script("openrc", "stop")).toBe(0);
    expect(() => process.kill(first, 0)).toThrow("ESRCH");
  });

  test.runIf(process.getuid?.() === 0)("a process that is not of the pid file's user is not ended", async () => {
    expect(await script("openrc", "start")).toBe(0);
    const [first, file] = [pid(), join(prefix, "var/run/server.pid")];
    chownSync(file, 54_321, 54_321);
    expect(await script("openrc", "status")).toBe(3);
    expect(await script("openrc", "stop")).toBe(0);
    expect(process.kill(first, 0)).toBe(true);
    chownSync(file, 0, 0);
    expect(await script("rc.d", "stop")).toBe(0);
    expect(() => process.kill(first, 0)).toThrow("ESRCH");
  });

  test("a pid file of another boot, whose number is somebody else's now, is no server", async () => {
    const file = join(prefix, "var/run/server.pid");
    for (const text of [`${process.pid}\n1\n`, `${process.pid}\n-\n`, "x\ny\n", "", `${process.pid}\n`]) {
      writeFileSync(file, text);
      expect(await script("openrc", "status")).toBe(3);
    }
    expect(await script("openrc", "stop")).toBe(0);
    expect(process.kill(process.pid, 0)).toBe(true);
  });
});
