import { suitesTo13ff } from "./suites-0000-13ff.ts";
import { suitesFrom1400 } from "./suites-1400-ffff.ts";

/** A cipher suite: what its name says of it. */
export interface Suite {
  readonly id: number;
  /** IANA name. */
  readonly name: string;
  readonly opensslName: string | null;
  readonly keyExchange: "RSA" | "DHE" | "ECDHE" | "DH" | "ECDH" | "PSK" | "anon" | "any" | "other";
  readonly authentication: "RSA" | "ECDSA" | "DSS" | "anon" | "any" | "other";
  /** Cipher and mode as in the name: `AES_128_GCM`, `3DES_EDE_CBC`, `NULL`. */
  readonly encryption: string;
  /** Key bits as SSL Labs scores them: 168 for 3DES (112 effective), 40 for export. */
  readonly bits: number;
  readonly aead: boolean;
  /** The key exchange is ephemeral and authenticated. */
  readonly forwardSecrecy: boolean;
  readonly export: boolean;
  /** The versions that it may be negotiated in. */
  readonly since: "SSLv3" | "TLSv1.2" | "TLSv1.3";
  /** Hash of the TLS 1.2 PRF or of TLS 1.3's key schedule. */
  readonly hash: "sha256" | "sha384" | "sha512";
}

/** Every known suite, by number ascending. */
export const suites: readonly Suite[] = [...suitesTo13ff.split("\n"), ...suitesFrom1400.split("\n")]
  .filter((line) => line !== "")
  .map(parseLine);

const byId = new Map(suites.map((suite) => [suite.id, suite]));

/** The suite of this number; one that nobody registered gets a name with its number and is `other`. */
export function suiteOf(id: number): Suite {
  return byId.get(id) ?? describe(id, `unknown_0x${id.toString(16).padStart(4, "0")}`, null);
}

function parseLine(line: string): Suite {
  const [id = "", name = "", openssl] = line.split(" ");
  const isTls13 = id.startsWith("13");
  return describe(Number.parseInt(id, 16), name, openssl ?? (isTls13 ? name : null));
}

function describe(id: number, name: string, opensslName: string | null): Suite {
  const parts = /^(?:TLS|SSL)_(?:(.*)_WITH_)?(.*)$/.exec(name);
  const exchange = parts?.[1];
  const cipher = parts?.[2] ?? "";
  const keyExchange = exchange === undefined ? (parts === null ? "other" : "any") : keyExchangeOf(exchange);
  const authentication = exchange === undefined ? (parts === null ? "other" : "any") : authenticationOf(exchange);
  const encryption = encryptionOf(cipher);
  const aead = /GCM|CCM|POLY1305|MGM|AEGIS/.test(cipher);
  const ephemeral =
    keyExchange === "DHE" ||
    keyExchange === "ECDHE" ||
    keyExchange === "any" ||
    /DHE_PSK|PSK_DHE|CECPQ1|ECCPWD/.test(exchange ?? "");
  return {
    id,
    name,
    opensslName,
    keyExchange,
    authentication,
    encryption,
    bits:
      exchange?.includes("EXPORT1024") === true ? 56 : exchange?.includes("EXPORT") === true ? 40 : bitsOf(encryption),
    aead,
    forwardSecrecy: ephemeral,
    export: exchange?.includes("EXPORT") === true,
    since:
      keyExchange === "any" || /MGM_[LS]$/.test(cipher)
        ? "TLSv1.3"
        : aead || /SHA(256|384)/.test(cipher)
          ? "TLSv1.2"
          : "SSLv3",
    hash: cipher.endsWith("SHA384") ? "sha384" : cipher.endsWith("SHA512") ? "sha512" : "sha256",
  };
}

function keyExchangeOf(exchange: string): Suite["keyExchange"] {
  if (exchange.includes("anon") || exchange === "NULL") return "anon";
  if (/PSK/.test(exchange)) return "PSK";
  if (/^(SRP|KRB5|GOST|ECCPWD|CECPQ1)/.test(exchange)) return "other";
  if (exchange.startsWith("ECDHE_")) return "ECDHE";
  if (exchange.startsWith("ECDH_")) return "ECDH";
  if (exchange.startsWith("DHE_")) return "DHE";
  if (exchange.startsWith("DH_")) return "DH";
  return "RSA";
}

function authenticationOf(exchange: string): Suite["authentication"] {
  if (exchange.includes("anon") || exchange === "NULL") return "anon";
  if (/^(KRB5|GOST|ECCPWD)/.test(exchange) || /PSK|SRP_SHA$/.test(exchange)) return "other";
  if (exchange.includes("ECDSA")) return "ECDSA";
  if (exchange.includes("DSS")) return "DSS";
  return "RSA";
}

/** The cipher's own part of a name: without the hash, the draft mark and the short tag of CCM_8. */
function encryptionOf(cipher: string): string {
  if (/^SHA(256|384)_SHA/.test(cipher)) return "NULL";
  return cipher.replace(/_OLD$/, "").replace(/_(SHA\d*|MD5|SM3|NULL|IMIT|OMAC|GOST\w*|[LS])$/, "") || "NULL";
}

function bitsOf(encryption: string): number {
  if (encryption === "NULL" || encryption === "") return 0;
  if (encryption.startsWith("3DES")) return 168;
  if (encryption.startsWith("DES40") || encryption.includes("_40")) return 40;
  if (encryption.startsWith("DES") || encryption.includes("_56")) return 56;
  if (/128|SEED|IDEA|SM4|RC2/.test(encryption)) return 128;
  if (/256|CHACHA20|28147|KUZNYECHIK|MAGMA/.test(encryption)) return 256;
  return 0;
}
