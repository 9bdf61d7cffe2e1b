import { ForgeError } from "../errors.ts";
import type { ToldError } from "./light.ts";

/** An error that the server told as JSON, as the one a user meets. */
export function refusal(error: ToldError, what: string): ForgeError {
  const code = error.code === "certificate-refused" ? "certificate-failed" : "server-failed";
  const usual =
    code === "certificate-failed" ? "mend the certificate and its key, then run the same command again" : undefined;
  const hint = error.hint ?? usual;
  return new ForgeError(code, `${what}: ${error.message}`, hint === undefined ? {} : { hint });
}
