/** A published prime for finite-field Diffie-Hellman. */
export interface KnownPrime {
  readonly name: string;
  /** (p - 1) / 2 is prime too. */
  readonly safe: boolean;
}

const safe = (name: string): KnownPrime => ({ name, safe: true });
const unsafe = (name: string): KnownPrime => ({ name, safe: false });

/** Published primes by the SHA-256 of their bytes without leading zeros. */
export const knownPrimes: Readonly<Record<string, KnownPrime>> = {
  // RFC 7919, appendix A
  "9cd3b7f336872f46c09428d1bbc19877a4d440512cda8d1c1cf0cd6e33698966": safe("ffdhe2048"),
  "0eaf67db3a839156d5013494a5318a772b5697d270d721f37f092efc69ea5a17": safe("ffdhe3072"),
  "4648414224ac881b3d0dc59b466f96d06a558278776807797ecf1f66ff397b3e": safe("ffdhe4096"),
  "227ac9066b3ddd9e193670cda2388fa884f65ba0cf98b742d1fe77a6687c79c7": safe("ffdhe6144"),
  "770b14efaf6f049929c523113b3fa99a8d11dab1b18af3609590122075d19833": safe("ffdhe8192"),
  // RFC 2409, section 6: the Oakley groups 1 and 2
  b52ba6a3026520a6c49d37e4587601801bee500123b3259b6bf03e7cecc3e63d: safe("modp768"),
  "3f35a3f5f6c4376a744acad409bb22f8d897f949d2311d885adaa890981b67a0": safe("modp1024"),
  // RFC 3526: the groups 5 and 14 to 18
  "64fcc83ec403930bf18393dbc883ccaa1fbb08ac876f77f7aa99748ca945019b": safe("modp1536"),
  d66436f79bbd6b2e38c0ffbd079be904d2641415e2e67140e09448be9a60890e: safe("modp2048"),
  "48cf8b092fbce4359d9871abf74f98e25b6163379eaa15cd9087e800c6d1c55c": safe("modp3072"),
  "4ee95187682bcb230ad26a95205f6920e84708f6251b3894329b09ec23919e33": safe("modp4096"),
  d1bfe6d0925ce7e4da262b62861514a7755e35831e429f343e7b864848657efd: safe("modp6144"),
  "39ab4feab950a3128fb71accb9fc3965d857012e081998a85996e3ea8b3c3bcf": safe("modp8192"),
  // RFC 5114, section 2: primes with a small subgroup, not safe ones
  "44c55cfee5c075927cf682da5b681bdecbd5c3eb0784c14f5dce7610f0ef133d": unsafe("dh_1024_160"),
  bfe545862ca102ad1eeddb5fbfa5bf855ac4995c56a8b408ce3fe099dce93a9d: unsafe("dh_2048_224"),
  "0b7835722cb619827610c2549fdda5587421686c4409a13865e76225522ddcc9": unsafe("dh_2048_256"),
};
