import { ChannelError, type Channel } from "../client/channel.ts";
import type { Look, Talked } from "../look.ts";

/**
 * A conversation whose silence is believed only when the server is silent once more with nothing beside it: a busy server can be late. Gives what the last of
 * at most two conversations saw.
 */
export function confirmSilence<T extends object>(
  look: Look,
  isSilent: (value: T) => boolean,
  use: (channel: Channel) => Promise<T>,
): Promise<Talked<T>> {
  let isFirst = true;
  return look.talk(async (channel) => {
    const value = await use(channel);
    const again = isFirst && isSilent(value);
    isFirst = false;
    // The scheduler runs alone what ends like this.
    if (again) throw new ChannelError({ kind: "silent", why: "no answer yet" });
    return value;
  });
}
