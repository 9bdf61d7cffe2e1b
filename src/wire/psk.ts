import { concat, uint, vector } from "./bytes.ts";
import type { Extension } from "./extensions.ts";
import { deriveSecret, digest, expandLabel, finishedData, hashLength, hmac, type HashName } from "./key-schedule.ts";
import { extensionTypes } from "./names.ts";

const nothing = new Uint8Array(0);

/** The traffic secret after a KeyUpdate (RFC 8446, 7.2). */
export function nextTrafficSecret(hash: HashName, secret: Uint8Array): Uint8Array {
  return expandLabel(hash, secret, { label: "traffic upd", context: nothing, length: hashLength(hash) });
}

/** resumption_master_secret (RFC 8446, 7.1). `transcriptHash` covers ClientHello to the client's Finished. */
export function resumptionSecret(hash: HashName, master: Uint8Array, transcriptHash: Uint8Array): Uint8Array {
  return deriveSecret(hash, master, { label: "res master", transcriptHash });
}

/** The key that a ticket stands for (RFC 8446, 4.6.1). */
export function ticketKey(hash: HashName, secret: Uint8Array, nonce: Uint8Array): Uint8Array {
  return expandLabel(hash, secret, { label: "resumption", context: nonce, length: hashLength(hash) });
}

/** pre_shared_key of a ClientHello with one ticket (RFC 8446, 4.2.11). `binder` is zeros until the hello is known. */
export function preSharedKeyExtension(of: { ticket: Uint8Array; age: number; binder: Uint8Array }): Extension {
  const identities = vector(2, vector(2, of.ticket), uint(4, of.age));
  return { type: extensionTypes.preSharedKey, data: concat(identities, vector(2, vector(1, of.binder))) };
}

/** The binder of a hello whose last extension is pre_shared_key with one ticket (RFC 8446, 4.2.11.2). `message` is the whole ClientHello. */
export function pskBinder(hash: HashName, key: Uint8Array, message: Uint8Array): Uint8Array {
  const early = hmac(hash, new Uint8Array(hashLength(hash)), key);
  const binderKey = deriveSecret(hash, early, { label: "res binder", transcriptHash: digest(hash) });
  const bindersLength = 2 + 1 + hashLength(hash);
  return finishedData(hash, binderKey, digest(hash, message.subarray(0, message.length - bindersLength)));
}
