import { createHash } from "node:crypto";

import { aeadOf } from "../../wire/index.ts";
import { readFlight, type Flight } from "../client/answer.ts";
import { candidateChunks } from "../suites/candidates.ts";
import { handshake13 } from "../client/client13.ts";
import { buildHello, type HelloPlan } from "../client/hello.ts";
import type { Look } from "../look.ts";
import { failed, observed, unknownOf, untestable } from "../outcome.ts";
import type { Outcome, SuiteProtocol, SuitesSeen } from "../types.ts";

/**
 * Probe `nameless`. Needs: suites, groups, all flights. Gives: the leaf that is sent to a client that names no server (RFC 6066, 3), as its SHA-256; null
 * where the server refuses. Connections: 1; none where the target has no name, so that no hello had one.
 */
export async function probeNameless(
  look: Look,
  known: { suites: Partial<Record<SuiteProtocol, SuitesSeen>>; groups: readonly number[] },
): Promise<Outcome<string | null>> {
  if (look.target.serverName === "") return leafOf(look.flights, look.leftOut());
  const plan = planOf(known);
  if (plan === undefined) return untestable("no version of TLS that a certificate can be seen with here");
  const hello = buildHello({ ...plan, nameless: true }, { serverName: "", random: look.random });
  // Its certificate is another server's business: this flight is not harvested.
  const talked = await look.talk(async (channel) =>
    plan.protocol === "TLSv1.3" ? (await handshake13(channel, hello)).flight : readFlight(channel, hello),
  );
  if (talked.kind === "done") return leafOf([talked.value]);
  return talked.kind === "alert" || talked.kind === "closed" ? observed(null) : unknownOf(talked);
}

/** TLS 1.2 where it is offered: its certificates are not protected. With suites for other keys too, as the certificate may have another kind of key. */
function planOf({ suites, groups }: Parameters<typeof probeNameless>[1]): HelloPlan | undefined {
  const older = (["TLSv1.2", "TLSv1.1", "TLSv1.0"] as const).find((name) => suites[name] !== undefined);
  const ofName = older === undefined ? [] : (suites[older]?.suites ?? []).map(({ id }) => id);
  if (older !== undefined)
    return { protocol: older, suites: [...new Set([...ofName, ...(candidateChunks(older)[0] ?? [])])] };
  const ids = (suites["TLSv1.3"]?.suites ?? []).map(({ id }) => id).filter((id) => aeadOf(id) !== undefined);
  const shares = [29, 23, 24].filter((group) => groups.includes(group)).slice(0, 1);
  return ids.length === 0 || shares.length === 0
    ? undefined
    : { protocol: "TLSv1.3", suites: ids, groups: shares, shares };
}

function leafOf(flights: readonly Flight[], leftOut: string | null = null): Outcome<string | null> {
  const leaf = flights.find(({ certificates }) => (certificates?.length ?? 0) > 0)?.certificates?.[0];
  if (leaf !== undefined) return observed(createHash("sha256").update(leaf).digest("hex"));
  return leftOut === null ? untestable("no certificate was seen") : failed(leftOut);
}
