import type { CertificateSeen } from "../../probe/index.ts";
import { curveStrengths } from "../rulebooks/ssllabs-2009r.ts";

type Key = CertificateSeen["key"];

/** Bits of an RSA key as strong as this one, as SSL Labs counts; null for kinds and sizes it has no measure for. */
export function rsaEquivalent(key: Key): number | null {
  // 0 is the size of a key that was not understood.
  if (key.bits <= 0 && !key.type.startsWith("Ed")) return null;
  switch (key.type) {
    case "RSA":
    case "DSA":
      return key.bits;
    case "EC":
      return curveStrengths.find(({ from }) => key.bits >= from)?.rsaBits ?? null;
    case "Ed25519":
      return 3072;
    case "Ed448":
      return 7680;
    case "other":
      return null;
  }
}

/** `RSA 2048`, `EC P-256 (as RSA 3072)`. */
export function describeKey(key: Key): string {
  const size = key.curve ?? (key.type.startsWith("Ed") ? "" : `${key.bits}`);
  const bits = rsaEquivalent(key);
  const equivalent = bits !== null && key.type !== "RSA" && key.type !== "DSA" ? ` (as RSA ${bits})` : "";
  return `${key.type} ${size}`.trimEnd() + equivalent;
}
