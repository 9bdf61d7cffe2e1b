/** SSL Labs' "SSL Server Rating Guide", edition 2009r, as data: what it is, its tables, weights and letters. */

export const ssllabs2009r = {
  id: "ssllabs-2009r",
  title: "SSL Server Rating Guide 2009r",
  publisher: "Qualys SSL Labs",
  date: "2025-05-16",
  reference: "https://github.com/ssllabs/research/wiki/SSL-Server-Rating-Guide",
} as const;

/** Parts of the total, in hundredths. A 0 in any category makes the total 0. */
export const weights = { protocol: 30, keyExchange: 30, cipher: 40 } as const;

/** (Best + worst) / 2 is the category. The guide's table ends with TLS 1.2; TLS 1.3 counts the same. */
export const protocolScores = {
  SSLv2: 0,
  SSLv3: 80,
  "TLSv1.0": 90,
  "TLSv1.1": 95,
  "TLSv1.2": 100,
  "TLSv1.3": 100,
} as const;

/** The weakest of certificate keys and ephemeral parameters counts, in bits of an RSA key as strong. First row that fits. */
export const keyExchangeScores: readonly { readonly below: number; readonly score: number }[] = [
  { below: 512, score: 20 },
  { below: 1024, score: 40 },
  { below: 2048, score: 80 },
  { below: 4096, score: 90 },
  { below: Number.POSITIVE_INFINITY, score: 100 },
];
/** Anonymous key exchange scores 0; an export suite counts as 512 bits. */
export const anonymousScore = 0;
export const exportBits = 512;

/** RSA-equivalent bits of an elliptic-curve key by its size, largest first. SSL Labs shows EC-256 as 3072, EC-384 as 7680. */
export const curveStrengths: readonly { readonly from: number; readonly rsaBits: number }[] = [
  { from: 512, rsaBits: 15360 },
  { from: 384, rsaBits: 7680 },
  { from: 250, rsaBits: 3072 },
  { from: 224, rsaBits: 2048 },
  { from: 160, rsaBits: 1024 },
  { from: 0, rsaBits: 512 },
];

/** (Strongest + weakest) / 2 is the category. First row that fits. */
export const cipherScores: readonly { readonly below: number; readonly score: number }[] = [
  { below: 1, score: 0 },
  { below: 128, score: 20 },
  { below: 256, score: 80 },
  { below: Number.POSITIVE_INFINITY, score: 100 },
];
/** The guide's table scores 3DES by its key length. */
export const tripleDesBits = 168;

/** Letter of a total, best first. */
export const letters = [
  { from: 80, grade: "A" },
  { from: 65, grade: "B" },
  { from: 50, grade: "C" },
  { from: 35, grade: "D" },
  { from: 20, grade: "E" },
  { from: 0, grade: "F" },
] as const;

/** Six months, as the guide counts them: 180 days, in seconds. */
export const longHsts = 15_552_000;
