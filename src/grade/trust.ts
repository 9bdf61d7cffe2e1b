import type { Observations } from "../probe/index.ts";

/**
 * Whether trust may be left aside: a chain ends in an authority that was given for this look, and every chain is trusted. One good chain excuses no
 * other.
 */
export function trustedLocally({ certificates }: Pick<Observations, "certificates">): boolean {
  if (certificates.state !== "observed") return false;
  const anchors = certificates.value.map(({ trust }) => (trust.state === "observed" ? trust.value : null));
  return anchors.some((anchor) => anchor?.local === true) && anchors.every((anchor) => anchor?.trusted === true);
}
