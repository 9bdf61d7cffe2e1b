import type { VersionSeen } from "./classic-suites.ts";
import type { Facts } from "../graph.ts";
import type { ModernSeen } from "./modern-suites.ts";

/** Facts with the orders that were promised in place of the likely ones. */
export async function settle(facts: Facts): Promise<Facts> {
  const [modern, tls12, tls11, tls10, ssl3] = await Promise.all([
    settleModern(facts.modern),
    settleVersion(facts.tls12),
    settleVersion(facts.tls11),
    settleVersion(facts.tls10),
    settleVersion(facts.ssl3),
  ]);
  return { ...facts, modern, tls12, tls11, tls10, ssl3 };
}

/** TLS 1.3 with its true orders. */
export async function settleModern(seen: ModernSeen): Promise<ModernSeen> {
  return { ...seen, ...(await seen.final) };
}

async function settleVersion(seen: VersionSeen): Promise<VersionSeen> {
  return seen.final === undefined ? seen : { ...seen, suites: await seen.final };
}
