/** Where a vulnerable server may be reached: on loopback, and where whoever provisioned it has insisted, which its generation records. */
import { isLoopback } from "../../address.ts";
import { ForgeError } from "../../errors.ts";
import { literalAddress, type ServerConfig } from "../../server/index.ts";
import type { Manifest } from "../../store/index.ts";
import type { Context } from "../context.ts";

/** Whether an address that others reach has been insisted on: now, or when the generation was made. */
export type Exposure = (address: string) => boolean;

/** What counts for a generation; null: for one that is to be made. */
export function exposureOf(
  { options }: Pick<Context, "options">,
  manifest: Pick<Manifest, "exposed"> | null,
): Exposure {
  const recorded = manifest?.exposed ?? [];
  return (address) => options.exposed || recorded.includes(literalAddress(address));
}

/** What a generation records: the addresses that its user has insisted on now, and those of before that are still asked for. */
export function recordedExposure(
  context: Pick<Context, "options">,
  { listen, redirect }: Pick<ServerConfig, "listen" | "redirect">,
  manifest: Pick<Manifest, "exposed"> | null,
): readonly string[] {
  const exposed = exposureOf(context, manifest);
  return [...listen, ...redirect].map(literalAddress).filter((address) => !isLoopback(address) && exposed(address));
}

/** The last gate before a vulnerable server may listen, whatever way led to it. Throws `host-refused`. */
export function refuseExposed({ listen, redirect, generation }: ServerConfig, exposed: Exposure): void {
  const reachable = [...listen, ...redirect].filter((address) => !isLoopback(address) && !exposed(address));
  if (reachable.length === 0) return;
  throw new ForgeError(
    "host-refused",
    `generation ${generation} is vulnerable, and others could reach it at ${reachable.join(", ")}`,
    { hint: "use an address of loopback; --i-know-this-is-vulnerable listens there all the same" },
  );
}
