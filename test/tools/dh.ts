/** Diffie-Hellman parameters, sound and not. */
/** PKCS #3: SEQUENCE { prime, generator }. */
export function dhPem(prime: bigint, generator: bigint): string {
  const integer = (value: bigint): Buffer => {
    const digits = value.toString(16);
    const bytes = Buffer.from(`00${digits.length % 2 === 0 ? "" : "0"}${digits}`, "hex");
    return wrapped(0x02, bytes);
  };
  const wrapped = (tag: number, bytes: Buffer): Buffer =>
    Buffer.concat([Buffer.from([tag, 0x82, bytes.length >> 8, bytes.length & 0xff]), bytes]);
  const der = wrapped(0x30, Buffer.concat([integer(prime), integer(generator)]));
  return `-----BEGIN DH PARAMETERS-----\n${der.toString("base64")}\n-----END DH PARAMETERS-----\n`;
}

/** RFC 2409, section 6.2: a safe prime of 1024 bits. */
export const oakley2 = BigInt(
  "0xFFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF",
);
/** RFC 2409, section 6.1: 768 bits. */
export const oakley1 = BigInt(
  "0xFFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A63A3620FFFFFFFFFFFFFFFF",
);
