import { ForgeError } from "../../errors.ts";
import type { Host } from "../types.ts";
import { parseLoaderCache, type LoaderCache } from "./cache.ts";

/**
 * The one shell text here: a folder that is removed however the shell ends, short of its own violent death, and then by the next shell. It is in
 * the shell and not in this process, which may be killed at any time. Folders of others are none of ours.
 */
const script = `umask 077
for old in /tmp/tlsforge-loader.*; do
  pid=\${old#/tmp/tlsforge-loader.}; pid=\${pid%%.*}
  [ -O "$old" ] && [ ! -L "$old" ] && [ ! -e "/proc/$pid/exe" ] && rm -rf "$old"
done
folder=$(mktemp -d "/tmp/tlsforge-loader.$$.XXXXXX") || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM PIPE
cat >"$folder/conf" && "$1" -X -f "$folder/conf" -C "$folder/cache" && base64 "$folder/cache"`;

/**
 * The cache that ldconfig would write for these lines of configuration. Nothing of the machine's own is changed but ldconfig's notes on what it
 * has read (/var/cache/ldconfig), which any run of it brings up to date. Throws `host-failed` when ldconfig does not do it.
 */
export async function privateCache(host: Host, lines: readonly string[]): Promise<LoaderCache> {
  const ldconfig = (await host.which("ldconfig")) ?? "/sbin/ldconfig";
  const answer = await host.exec(["sh", "-c", script, "sh", ldconfig], {
    input: lines.map((line) => `${line}\n`).join(""),
    timeoutSeconds: 60,
  });
  if (answer.exitCode !== 0) {
    throw new ForgeError("host-failed", `ldconfig made no private cache (exit code ${answer.exitCode})`, {
      hint: "run ldconfig -X -f /etc/ld.so.conf -C FILE to see what is wrong, or set host.loader-path: false",
      details: answer.stderr.trim().split("\n").slice(-5),
    });
  }
  return readCache(Buffer.from(answer.stdout, "base64"), "the private cache");
}

/** Larger than any machine's. */
const largestCache = 64 * 1024 * 1024;

/** The cache that the machine's programs use now; empty when there is none. */
export function machineCache(host: Host): LoaderCache {
  const path = "/etc/ld.so.cache";
  if (host.tree.facts(path) === null) return new Map();
  const bytes = host.tree.open(path, (file) => file.read(0, Math.min(file.size, largestCache)));
  if (bytes === null || bytes === "unreadable") throw new ForgeError("host-failed", `${path} cannot be read`);
  return readCache(bytes, path);
}

function readCache(bytes: Buffer, name: string): LoaderCache {
  try {
    return parseLoaderCache(bytes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ForgeError("host-failed", `${name} cannot be read: ${error.message}`, { cause: error });
  }
}
