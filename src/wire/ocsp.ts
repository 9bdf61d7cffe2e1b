import { DecodeError, latin1 } from "./bytes.ts";
import { readOid, type DerElement } from "./der.ts";
import { at, bitString, children, only } from "./x509.ts";

/** An OCSP response (RFC 6960, 4.2.1). `basic` is null where the responder answered with an error. */
export interface OcspResponse {
  /** 0 is successful; else malformedRequest 1, internalError 2, tryLater 3, sigRequired 5, unauthorized 6. */
  readonly status: number;
  readonly basic: BasicResponse | null;
}

export interface BasicResponse {
  /** The signed part, DER. */
  readonly signedData: Uint8Array;
  /** The responder's name, DER, or the SHA-1 of its key. */
  readonly responder: { readonly kind: "name" | "key"; readonly value: Uint8Array };
  readonly producedAt: Date;
  readonly responses: readonly SingleResponse[];
  readonly signatureAlgorithm: string;
  readonly signature: Uint8Array;
  /** DER. */
  readonly certificates: readonly Uint8Array[];
}

export interface SingleResponse {
  readonly hashAlgorithm: string;
  readonly issuerNameHash: Uint8Array;
  readonly issuerKeyHash: Uint8Array;
  /** Contents of the integer. */
  readonly serial: Uint8Array;
  readonly status: "good" | "revoked" | "unknown";
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | null;
  /** The value of the extension that holds timestamps (RFC 6962, 3.3), not looked into. */
  readonly timestamps: Uint8Array | null;
}

const basicResponseOid = "1.3.6.1.5.5.7.48.1.1";
const timestampsOid = "1.3.6.1.4.1.11129.2.4.5";

/** Decodes an OCSP response. Throws DecodeError, also for a type of response other than basic. */
export function decodeOcspResponse(der: Uint8Array): OcspResponse {
  const parts = children(only(der));
  const status = at(parts, 0).contents[0];
  if (at(parts, 0).tag !== 0x0a || status === undefined) throw new DecodeError("an OCSP response without a status");
  if (status !== 0) return { status, basic: null };
  const bytes = children(at(children(at(parts, 1)), 0));
  const type = readOid(at(bytes, 0).contents);
  if (type !== basicResponseOid) throw new DecodeError(`an OCSP response of type ${type}`);
  return { status, basic: decodeBasic(at(bytes, 1).contents) };
}

function decodeBasic(der: Uint8Array): BasicResponse {
  const [data, algorithm, signature, certificates] = children(only(der));
  if (data === undefined || algorithm === undefined || signature === undefined)
    throw new DecodeError("a basic OCSP response without its parts");
  const fields = children(data).filter(({ tag }) => tag !== 0xa0);
  const responder = at(fields, 0);
  if (responder.tag !== 0xa1 && responder.tag !== 0xa2) throw new DecodeError("an OCSP response without a responder");
  return {
    signedData: data.raw,
    responder:
      responder.tag === 0xa1
        ? { kind: "name", value: responder.contents }
        : { kind: "key", value: at(children(responder), 0).contents },
    producedAt: readTime(at(fields, 1)),
    responses: children(at(fields, 2)).map(decodeSingle),
    signatureAlgorithm: readOid(at(children(algorithm), 0).contents),
    signature: bitString(signature),
    certificates: certificates === undefined ? [] : children(at(children(certificates), 0)).map(({ raw }) => raw),
  };
}

function decodeSingle(element: DerElement): SingleResponse {
  const fields = children(element);
  const id = children(at(fields, 0));
  const nextUpdate = fields.slice(3).find(({ tag }) => tag === 0xa0);
  return {
    hashAlgorithm: readOid(at(children(at(id, 0)), 0).contents),
    issuerNameHash: at(id, 1).contents,
    issuerKeyHash: at(id, 2).contents,
    serial: at(id, 3).contents,
    status: statusOf(at(fields, 1).tag),
    thisUpdate: readTime(at(fields, 2)),
    nextUpdate: nextUpdate === undefined ? null : readTime(at(children(nextUpdate), 0)),
    timestamps: timestampsOf(fields.slice(3).find(({ tag }) => tag === 0xa1)),
  };
}

function statusOf(tag: number): SingleResponse["status"] {
  switch (tag) {
    case 0x80:
      return "good";
    case 0xa1:
      return "revoked";
    case 0x82:
      return "unknown";
    default:
      throw new DecodeError(`an OCSP status with tag ${tag}`);
  }
}

function timestampsOf(extensions: DerElement | undefined): Uint8Array | null {
  if (extensions === undefined) return null;
  const found = children(at(children(extensions), 0)).find(
    (extension) => readOid(at(children(extension), 0).contents) === timestampsOid,
  );
  const value = found === undefined ? undefined : children(found).at(-1);
  return value?.contents ?? null;
}

/** GeneralizedTime in UTC, with or without a fraction (RFC 5280, 4.1.2.5.2). */
function readTime(element: DerElement): Date {
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d+)?Z$/.exec(latin1(element.contents));
  if (element.tag !== 0x18 || match === null) throw new DecodeError("a time that is none");
  const [, year, month, day, hour, minute, second] = match;
  const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(date.getTime())) throw new DecodeError("a time that is none");
  return date;
}
