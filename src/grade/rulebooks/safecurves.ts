/**
 * The verdicts of SafeCurves on the curves of TLS groups and certificates, as information: they are about how easily a curve is implemented
 * without mistakes. A curve that the site does not assess (P-521, the Brainpool curves with r) is not in the list.
 */
export const safeCurves = {
  title: "SafeCurves: choosing safe curves for elliptic-curve cryptography",
  reference: "https://safecurves.cr.yp.to",
  date: "2017-01-22",
  /** By the names of groups. X448 is on the curve that the site calls Ed448-Goldilocks. */
  verdicts: { X25519: true, X448: true, "P-224": false, "P-256": false, "P-384": false, secp256k1: false },
} as const satisfies {
  readonly verdicts: Readonly<Record<string, boolean>>;
  readonly [key: string]: unknown;
};
