/** Runs that are killed while they change the machine or the server: the next run completes. TLSFORGE_TEST_PREFIX names a prefix to serve from. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { copyCheckout, inCleanRoot, root } from "../tools/checkout.ts";
import { describeWith, testPrefix } from "../tools/needs.ts";
import { freePort } from "./ports.ts";
import { compile, run, runJson, start, type Workshop } from "./support.ts";

describeWith(["linux", "prefix", "root", "ldconfig"], "kill -9 while the host and the server change", () => {
  const moments = 10;
  let shop: Workshop;
  let port: number;
  let loaderEntry: string;
  let entryBefore: string | null;

  beforeAll(async () => {
    await compile();
    const folder = await mkdtemp(join(tmpdir(), "tlsforge-killed-"));
    port = await freePort();
    const prefix = await realpath(testPrefix());
    loaderEntry = `/etc/ld.so.conf.d/tlsforge-${createHash("sha256").update(prefix).digest("hex").slice(0, 8)}.conf`;
    entryBefore = existsSync(loaderEntry) ? readFileSync(loaderEntry, "utf8") : null;
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
    if (entryBefore === null) await rm(loaderEntry, { force: true });
    else await writeFile(loaderEntry, entryBefore);
    execFileSync("ldconfig");
    await shop.remove();
  });

  /** A site of that round: another header makes another server, every other round wants the loader entry. */
  async function site(round: number): Promise<string> {
    const file = join(shop.folder, "site.yaml");
    const server = `server: { listen: ["127.0.0.1:${port}"], names: [localhost], hsts: { max-age: ${40_000_000 + round} } }`;
    await writeFile(file, `${server}\nhost: { packages: never, loader-path: ${round % 2 === 0} }\n`);
    return file;
  }

  test("every rerun completes, one server serves, and the loader entry is whole or not there", async () => {
    const began = performance.now();
    const first = await runJson(shop, ["provision", "--yes", "--config", await site(0)]);
    expect({ exitCode: first.record.exitCode, error: first.record.error?.message }).toEqual({ exitCode: 0 });
    const whole = performance.now() - began;
    const killed: number[] = [];
    for (let round = 1; round <= moments; round += 1) {
      const argv = ["provision", "--yes", "--config", await site(round)];
      const moment = ((round - 1 + Math.random()) / moments) * whole;
      killed.push(Math.round(moment));
      const child = start(shop, argv);
      await sleep(moment);
      child.kill("SIGKILL");
      await child;
      expect({ killed, entry: entryIsWhole() }).toEqual({ killed, entry: true });
      const { record } = await runJson(shop, argv);
      expect({ killed, exitCode: record.exitCode, error: record.error?.message }).toEqual({ killed, exitCode: 0 });
      const { standingBy } = (await runJson(shop, ["status"])).record.server;
      const known = [record.server.pid, ...(standingBy === undefined || standingBy === null ? [] : [standingBy.pid])];
      // A trial that was on its way when its tlsforge was killed may be ready only now: nobody reaches it, and the next provision ends it.
      const others = (): readonly number[] => servers().filter((pid) => !known.includes(pid) && pid !== trial());
      await expect.poll(others, { timeout: 20_000, message: `killed after ${killed.join(", ")} ms` }).toEqual([]);
      expect({ killed, serve: known.filter((pid) => servers().includes(pid)) }).toEqual({ killed, serve: known });
      expect({ killed, entry: existsSync(loaderEntry) }).toEqual({ killed, entry: round % 2 === 0 });
    }
    expect((await runJson(shop, ["provision", "--yes", "--config", await site(moments)])).record.outcome).toBe(
      "unchanged",
    );
  });

  /** The process that waits to be graded, by its pid file; NaN: there is none. */
  function trial(): number {
    return Number.parseInt(read(`${shop.prefix}/var/run/trial.pid`), 10);
  }

  function entryIsWhole(): boolean {
    if (!existsSync(loaderEntry)) return true;
    const text = readFileSync(loaderEntry, "utf8");
    return (
      text.endsWith("\n") && text.split("\n").every((line) => line === "" || line.startsWith("#") || existsSync(line))
    );
  }

  /** Processes that run this prefix's server; workers are children of the first. */
  function servers(): readonly number[] {
    const pids = readdirSync("/proc").filter((name) => /^\d+$/u.test(name));
    const launcher = new RegExp(`${shop.prefix}/store/[^/]+-hardened-server-[^/]+/bin/`);
    const own = pids.filter((pid) => launcher.test(read(`/proc/${pid}/cmdline`)));
    const parents = new Map(own.map((pid) => [pid, /\) \S (\d+) /u.exec(read(`/proc/${pid}/stat`))?.[1] ?? ""]));
    return own
      .filter((pid) => !own.includes(parents.get(pid) ?? ""))
      .map(Number)
      .toSorted((a, b) => a - b);
  }
});

describeWith(["all", "cleanroot", "git"], "kill -9 while packages are installed", () => {
  let checkout: string;

  beforeAll(async () => {
    checkout = await mkdtemp(join(tmpdir(), "tlsforge-checkout-"));
    await copyCheckout(checkout);
  });

  afterAll(async () => {
    await rm(checkout, { recursive: true, force: true });
  });

  test("the next run ends what dpkg had begun, and goes on to build", async () => {
    await writeFile(join(checkout, "killed.sh"), killInstallation);
    const { exitCode, output } = await inCleanRoot("sh tlsforge/killed.sh", { into: [[checkout, "/root/tlsforge"]] });
    expect(output).toContain("cut off while dpkg ran\n");
    expect(output).toContain("audit before: broken\n");
    expect(output).toContain("second run: building\n");
    expect(output).toMatch(/^audit after: fine$/mu);
    expect(exitCode).toBe(0);
  });
});

/** Kills tlsforge, apt and dpkg in the middle, as a machine that goes down does, then runs once more until it builds. */
const killInstallation = `cd tlsforge
running() { grep -lx "$1" /proc/[0-9]*/comm 2>/dev/null | cut -d/ -f3; }
audit() { if [ -z "$(dpkg --audit; ls /var/lib/dpkg/updates)" ]; then echo "audit $1: fine"; else echo "audit $1: broken"; fi; }
node tools/setup.mjs || exit 1
bin/tlsforge build --yes 2>one & pid=$!
n=0
# What dpkg is in the middle of, it writes here; before that there is nothing to be broken.
while ! ls /var/lib/dpkg/updates | grep -q '^[0-9]' && [ $n -lt 6000 ]; do sleep 0.05; n=$((n + 1)); done
kill -9 $pid $(running apt-get) $(running dpkg) && echo "cut off while dpkg ran"
wait $pid 2>/dev/null
audit before
: >two
bin/tlsforge build --yes 2>two & pid=$!
n=0
while ! grep -q '^building' two && [ -d /proc/$pid ] && [ $n -lt 3000 ]; do sleep 0.1; n=$((n + 1)); done
if grep -q '^building' two; then echo "second run: building"; else cat two; fi
kill -INT $pid; wait $pid
audit after
`;

/** A file of /proc; empty when the process is gone. */
function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
