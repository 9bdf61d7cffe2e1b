import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { ForgeError } from "../../errors.ts";

/** Addresses of a name that are looked at, in the order of the system's resolver. */
const most = 16;

/** The addresses of a name, in the order of the system's resolver; an address is its own. Throws ForgeError `unreachable`. */
export async function addressesOf(
  host: string,
  of: { readonly timeoutMs: number; readonly family?: 4 | 6 | undefined },
): Promise<readonly string[]> {
  const { timeoutMs, family } = of;
  const unreachable = (why: string): ForgeError =>
    new ForgeError("unreachable", `The name ${host} does not resolve: ${why}`, {
      hint: "Check the spelling of the name, or give an address",
    });
  if (isIP(host) > 0) {
    if (family === undefined || isIP(host.replace(/%.*$/, "")) === family) return [host];
    throw new ForgeError("unreachable", `${host} is no address of IPv${family}`, { hint: `Leave out --ipv${family}` });
  }
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(unreachable(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
  });
  try {
    const found = await Promise.race([lookup(host, { all: true, family: family ?? 0 }), late]);
    return [...new Set(found.map(({ address }) => address))].slice(0, most);
  } catch (error) {
    if (error instanceof Error && "code" in error && !(error instanceof ForgeError))
      throw unreachable(String(error.code));
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
