import { ForgeError } from "../../errors.ts";

/** Refuses what cannot stand in a start script or unit: a line end would begin a setting of its own. Throws `host-refused`. */
export function plainText(text: string, what: string): string {
  if (!/[\p{Cc}\u2028\u2029\\]/u.test(text)) return text;
  throw new ForgeError("host-refused", `${what} ${JSON.stringify(text)} cannot stand in a service's text`, {
    hint: "use a path without control characters and backslashes",
  });
}

/** An absolute path that may stand in a service's text. Throws `host-refused`. */
export function absolutePath(path: string, what: string): string {
  if (path.startsWith("/")) return plainText(path, what);
  throw new ForgeError("host-refused", `${what} ${JSON.stringify(path)} is no absolute path`, {
    hint: "give it in full",
  });
}
