import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { ForgeError } from "../../errors.ts";

/** Addresses of a name that are looked at, in the order of the system's resolver. */
const most = 16;

/** The system's resolver, or what stands for it. */
export type Resolve = (
  host: string,
  options: { readonly all: true; readonly family: 0 | 4 | 6 },
) => Promise<readonly { readonly address: string }[]>;

const resolveHere: Resolve = (host, options) => lookup(host, options);

/** The addresses of a name, in the order of the system's resolver; an address is its own. Throws ForgeError `unreachable`. */
export async function addressesOf(
  host: string,
  of: { readonly timeoutMs: number; readonly family?: 4 | 6 | undefined; readonly resolve?: Resolve },
): Promise<readonly string[]> {
  const { timeoutMs, family, resolve = resolveHere } = of;
  const unreachable = (why: string): ForgeError =>
    new ForgeError("unreachable", `The name ${host} does not resolve: ${why}`, {
      hint: "Check the spelling of the name, or give an address",
    });
  const familyless = (others: readonly string[]): ForgeError =>
    new ForgeError("unreachable", `The name ${host} has no address of IPv${family}, only ${others.join(", ")}`, {
      hint: `Leave out --ipv${family}`,
    });
  if (isIP(host) > 0) {
    if (family === undefined || isIP(host.replace(/%.*$/, "")) === family) return [host];
    throw new ForgeError("unreachable", `${host} is no address of IPv${family}`, { hint: `Leave out --ipv${family}` });
  }
  const leave = await threads.enter();
  const looking = resolve(host, { all: true, family: family ?? 0 });
  // A lookup that is given up goes on in its thread.
  void looking.then(leave, leave);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(unreachable(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
  });
  try {
    const found = await Promise.race([looking, late]);
    return [...new Set(found.map(({ address }) => address))].slice(0, most);
  } catch (error) {
    if (!(error instanceof Error && "code" in error) || error instanceof ForgeError) throw error;
    const others = family === undefined ? [] : await Promise.race([anyAddresses(resolve, host), late]);
    throw others.length > 0 ? familyless(others) : unreachable(String(error.code));
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The system's resolver blocks a thread, and Node gives two of its four to such work (libuv, "slow I/O"): of a third lookup nothing would be asked while its
 * time runs.
 */
const threads = createPlaces(2);

/** Lets `count` in at once, the others in the order in which they came. */
function createPlaces(count: number): { readonly enter: () => Promise<() => void> } {
  const waiting: (() => void)[] = [];
  let free = count;
  const leave = (): void => {
    const next = waiting.shift();
    if (next === undefined) free++;
    else next();
  };
  return {
    async enter() {
      if (free > 0) free--;
      else await new Promise<void>((begin) => waiting.push(begin));
      return leave;
    },
  };
}

/** A few addresses of any family; none where the name does not resolve. */
async function anyAddresses(resolve: Resolve, host: string): Promise<readonly string[]> {
  try {
    return (await resolve(host, { all: true, family: 0 })).map(({ address }) => address).slice(0, 3);
  } catch (error) {
    if (error instanceof Error && "code" in error) return [];
    throw error;
  }
}
