import { mkdtemp, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import type { Scenario } from "./scenarios.ts";

const here = import.meta.dirname;
const repository = join(here, "../../..");

export interface SandboxOptions {
  /** The root to stand on; default this machine's. It is never written to. */
  readonly lower?: string;
  /** Whether the network of the machine is there; default none but its own loopback. */
  readonly network?: boolean;
  readonly scenario: Scenario;
}

/** Runs a scenario as root in a root of its own, and gives what it reports. Nothing that it does reaches this machine. */
export async function inSandbox(options: SandboxOptions): Promise<unknown> {
  const box = await mkdtemp(join(tmpdir(), "tlsforge-sandbox-"));
  const namespaces = ["--mount", "--propagation", "private", ...(options.network === true ? [] : ["--net"])];
  try {
    const { stdout } = await execa(
      "unshare",
      [
        ...namespaces,
        "sh",
        join(here, "sandbox.sh"),
        options.lower ?? "/",
        box,
        repository,
        process.execPath,
        join(here, "scenarios.ts"),
        options.scenario,
      ],
      {
        timeout: 300_000,
        env: { HOME: "/root", PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
        extendEnv: false,
        cwd: "/",
      },
    );
    return JSON.parse(stdout);
  } finally {
    await rmdir(box);
  }
}
