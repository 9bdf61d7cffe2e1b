import { ChannelError, type Channel, type Way } from "../client/channel.ts";
import type { Proxy, StartTls } from "../types.ts";
import { lost } from "./plain-reader.ts";

/** The way to a target: through a proxy, by STARTTLS, or both. `domain` is what XMPP asks for. Connects to nothing. */
export async function createWay(of: {
  readonly proxy: Proxy | null;
  readonly startTls: StartTls | null;
  readonly domain: string;
}): Promise<Way> {
  const { proxy, startTls: protocol, domain } = of;
  const [proxies, plain] = await Promise.all([
    proxy === null ? null : import("./proxy.ts"),
    protocol === null ? null : import("./starttls.ts"),
  ]);
  return {
    via: proxy === null ? undefined : { host: proxy.host, port: proxy.port },
    async enter(channel, to) {
      let inside = channel;
      if (proxy !== null && proxies !== null)
        inside = await stage("proxy", () => proxies.throughProxy(channel, { proxy, host: to.address, port: to.port }));
      if (protocol !== null && plain !== null) {
        const before = inside;
        inside = await stage(protocol, () => plain.startTls(before, { protocol, domain }));
      }
      return inside;
    },
  };
}

/** Silence and resets on the way must not pass for answers in TLS. */
async function stage(name: string, walk: () => Promise<Channel>): Promise<Channel> {
  try {
    return await walk();
  } catch (error) {
    if (
      error instanceof ChannelError &&
      (error.trouble.kind === "silent" || error.trouble.kind === "reset" || error.trouble.kind === "garbage")
    )
      throw lost(
        name === "proxy" && error.trouble.kind === "silent"
          ? `the proxy did not answer: ${error.trouble.why}`
          : `${name}, before TLS: ${error.trouble.why}`,
      );
    throw error;
  }
}
