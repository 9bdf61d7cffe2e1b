/** The checks that rules name. Each looks for one defect and answers in three values. */
import type { Observations } from "../../probe/index.ts";
import type { Verdict } from "../verdict.ts";
import {
  nameMismatch,
  notValidNow,
  untrusted,
  chainIncomplete,
  md5Signature,
  sha1Signature,
  keyBelow1024,
  keyBelow2048,
  exponentOne,
} from "./checks-certificate.ts";
import {
  ssl2,
  ssl3,
  tls10,
  tls11,
  ssl3Best,
  poodle,
  tls12Missing,
  tls13Missing,
  compression,
  noSecureRenegotiation,
  hstsInvalid,
  hstsNotLong,
} from "./checks-protocol.ts";
import {
  insecureSuite,
  onlyRc4,
  rc4WithModern,
  rc4,
  smallBlocksWithModern,
  noAead,
  noForwardSecrecy,
  dhBelow1024,
  dhBelow2048,
} from "./checks-suite.ts";

type Check = (observations: Observations) => Verdict;

export const checks = {
  nameMismatch,
  notValidNow,
  untrusted,
  chainIncomplete,
  md5Signature,
  sha1Signature,
  keyBelow1024,
  keyBelow2048,
  exponentOne,
  ssl2,
  ssl3,
  tls10,
  tls11,
  ssl3Best,
  poodle,
  tls12Missing,
  tls13Missing,
  compression,
  noSecureRenegotiation,
  hstsInvalid,
  hstsNotLong,
  insecureSuite,
  onlyRc4,
  rc4WithModern,
  rc4,
  smallBlocksWithModern,
  noAead,
  noForwardSecrecy,
  dhBelow1024,
  dhBelow2048,
} as const satisfies Readonly<Record<string, Check>>;

export type CheckName = keyof typeof checks;
