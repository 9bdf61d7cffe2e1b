import { broken, unsafe } from "./unpack-members.ts";

/**
 * Looks at an extended header of a tar archive (POSIX.1-2024, pax, "pax Header Block": records `LENGTH KEY=VALUE\n`), which the tar library
 * reads line by line and forgivingly: whatever another reader could understand in another way is refused. `text` may also be the long name of
 * a GNU archive, which has no such records; that is looked at as a name later.
 */
export function checkExtendedHeader(archive: string, text: string): void {
  if (!/^\d+ [^=\n]+=/.test(text)) return;
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) {
    const head = /^(\d{1,7}) /.exec(bytes.toString("latin1", at, at + 8));
    const length = Number(head?.[1] ?? 0);
    const record = bytes.subarray(at, at + length);
    if (head === null || record.length !== length || record.at(-1) !== 0x0a)
      throw broken(archive, "an extended header is damaged");
    const [, key = "", value = ""] = /^([^=]*)=([^]*)$/.exec(record.toString("utf8", head[0].length, length - 1)) ?? [];
    checkRecord(archive, key, value);
    at += length;
  }
}

function checkRecord(archive: string, key: string, value: string): void {
  if (key.startsWith("GNU.sparse.")) throw unsafe(archive, value, "is a sparse file, whose size is not what it takes");
  if ((key === "path" || key === "linkpath") && /\p{Cc}/u.test(value))
    throw unsafe(archive, value, "has a control character in its name");
  if (key === "size" && !/^\d{1,15}$/.test(value))
    throw unsafe(archive, `size=${value}`, "of an extended header is no size");
}
