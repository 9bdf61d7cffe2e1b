import { suites, type Suite } from "../../wire/index.ts";
import type { SuiteProtocol } from "../types.ts";

/** More suites than this in one hello are too much for some servers. */
const perHello = 120;

/** Suites to offer for a version, likely ones first, cut into as many hellos as are needed. */
export function candidateChunks(protocol: SuiteProtocol): number[][] {
  const ids = suites
    .filter((suite) => fits(suite, protocol))
    .map((suite, index) => ({ suite, order: rank(suite) * 1000 + index }))
    .sort((one, other) => one.order - other.order)
    .map(({ suite }) => suite.id);
  const chunks: number[][] = [];
  for (let start = 0; start < ids.length; start += perHello) chunks.push(ids.slice(start, start + perHello));
  return chunks;
}

function fits(suite: Suite, protocol: SuiteProtocol): boolean {
  if (suite.name === "TLS_NULL_WITH_NULL_NULL") return false;
  if (protocol === "TLSv1.3") return suite.since === "TLSv1.3";
  return protocol === "TLSv1.2" ? suite.since !== "TLSv1.3" : suite.since === "SSLv3";
}

/** Smaller is likelier to be accepted somewhere. */
function rank(suite: Suite): number {
  const { keyExchange, encryption } = suite;
  if (keyExchange === "PSK" || keyExchange === "other" || suite.name.endsWith("_OLD")) return 9;
  if (encryption.startsWith("ARIA") || /^CAMELLIA.*GCM/.test(encryption))
    return keyExchange === "DH" || keyExchange === "ECDH" ? 8 : 6;
  if (keyExchange === "DH" || keyExchange === "ECDH") return 5;
  if (keyExchange === "anon" || encryption === "NULL" || suite.export || suite.bits < 112) return 4;
  if (suite.aead) return keyExchange === "RSA" ? 2 : 0;
  return keyExchange === "RSA" ? 3 : 1;
}
