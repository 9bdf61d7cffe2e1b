/** A named group of the supported_groups extension. */
export interface Group {
  readonly id: number;
  readonly name: string;
  readonly kind: "elliptic" | "finite-field" | "hybrid" | "kem";
  readonly postQuantum: boolean;
  /** Strength in RSA bits (NIST SP 800-57 part 1, table 2, as SSL Labs applies it); null for hybrids, which have no published mapping. */
  readonly rsaBits: number | null;
  /** The same of the classical part; for a pure KEM that of its category, for want of a classical part. */
  readonly classicalRsaBits: number;
  /** Bytes of the client's and the server's TLS 1.3 key share; null where it never occurs in TLS 1.3. */
  readonly shareLength: { readonly client: number; readonly server: number } | null;
}

/** IANA "TLS Supported Groups", by number. Where a group is not for TLS 1.3 (RFC 8446, 4.2.7) it has no share length. */
export const groups: readonly Group[] = [
  ...old(1, "sect163k1 sect163r1 sect163r2", 1024),
  ...old(4, "sect193r1 sect193r2", 1024),
  ...old(6, "sect233k1 sect233r1 sect239k1", 2048),
  ...old(9, "sect283k1 sect283r1", 3072),
  ...old(11, "sect409k1 sect409r1", 7680),
  ...old(13, "sect571k1 sect571r1", 15360),
  ...old(15, "secp160k1 secp160r1 secp160r2", 1024),
  ...old(18, "secp192k1 P-192", 1024),
  ...old(20, "secp224k1 P-224", 2048),
  ...old(22, "secp256k1", 3072),
  elliptic(23, "P-256", { rsaBits: 3072, share: 65 }),
  elliptic(24, "P-384", { rsaBits: 7680, share: 97 }),
  elliptic(25, "P-521", { rsaBits: 15360, share: 133 }),
  ...old(26, "brainpoolP256r1", 3072),
  ...old(27, "brainpoolP384r1", 7680),
  ...old(28, "brainpoolP512r1", 15360),
  elliptic(29, "X25519", { rsaBits: 3072, share: 32 }),
  elliptic(30, "X448", { rsaBits: 7680, share: 56 }),
  elliptic(31, "brainpoolP256r1tls13", { rsaBits: 3072, share: 65 }),
  elliptic(32, "brainpoolP384r1tls13", { rsaBits: 7680, share: 97 }),
  elliptic(33, "brainpoolP512r1tls13", { rsaBits: 15360, share: 129 }),
  elliptic(41, "curveSM2", { rsaBits: 3072, share: 65 }),
  finiteField(256, 2048),
  finiteField(257, 3072),
  finiteField(258, 4096),
  finiteField(259, 6144),
  finiteField(260, 8192),
  kem(512, "MLKEM512", { bits: 3072, client: 800, server: 768 }),
  kem(513, "MLKEM768", { bits: 7680, client: 1184, server: 1088 }),
  kem(514, "MLKEM1024", { bits: 15360, client: 1568, server: 1568 }),
  hybrid(0x11eb, "SecP256r1MLKEM768", { bits: 3072, client: 1249, server: 1153 }),
  hybrid(0x11ec, "X25519MLKEM768", { bits: 3072, client: 1216, server: 1120 }),
  hybrid(0x11ed, "SecP384r1MLKEM1024", { bits: 7680, client: 1665, server: 1665 }),
  hybrid(0x11ee, "curveSM2MLKEM768", { bits: 3072, client: 1249, server: 1153 }),
  hybrid(0x6399, "X25519Kyber768Draft00", { bits: 3072, client: 1216, server: 1120 }),
];

const byId = new Map(groups.map((group) => [group.id, group]));

/** The group of this number; an unknown one gets a name with its number and no strength. */
export function groupOf(id: number): Group {
  const unknown = `unknown_0x${id.toString(16).padStart(4, "0")}`;
  return (
    byId.get(id) ?? {
      id,
      name: unknown,
      kind: "elliptic",
      postQuantum: false,
      rsaBits: null,
      classicalRsaBits: 0,
      shareLength: null,
    }
  );
}

/** Groups that may be negotiated in TLS 1.3. */
export const tls13Groups: readonly Group[] = groups.filter((group) => group.shareLength !== null);

function old(first: number, names: string, rsaBits: number): Group[] {
  return names.split(" ").map((name, index) => ({
    id: first + index,
    name,
    kind: "elliptic",
    postQuantum: false,
    rsaBits,
    classicalRsaBits: rsaBits,
    shareLength: null,
  }));
}

function elliptic(id: number, name: string, of: { rsaBits: number; share: number }): Group {
  return {
    id,
    name,
    kind: "elliptic",
    postQuantum: false,
    rsaBits: of.rsaBits,
    classicalRsaBits: of.rsaBits,
    shareLength: { client: of.share, server: of.share },
  };
}

function finiteField(id: number, bits: number): Group {
  const length = bits / 8;
  return {
    id,
    name: `ffdhe${bits}`,
    kind: "finite-field",
    postQuantum: false,
    rsaBits: bits,
    classicalRsaBits: bits,
    shareLength: { client: length, server: length },
  };
}

function kem(id: number, name: string, of: { bits: number; client: number; server: number }): Group {
  return {
    id,
    name,
    kind: "kem",
    postQuantum: true,
    rsaBits: null,
    classicalRsaBits: of.bits,
    shareLength: { client: of.client, server: of.server },
  };
}

function hybrid(id: number, name: string, of: { bits: number; client: number; server: number }): Group {
  return {
    id,
    name,
    kind: "hybrid",
    postQuantum: true,
    rsaBits: null,
    classicalRsaBits: of.bits,
    shareLength: { client: of.client, server: of.server },
  };
}
