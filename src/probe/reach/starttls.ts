import type { Channel } from "../client/channel.ts";
import type { StartTls } from "../types.ts";
import { ldap, mysql, postgres } from "./starttls-binary.ts";
import { blocked, createPlainReader, quoted, type PlainReader } from "./plain-reader.ts";

/**
 * Talks in the clear until TLS may begin. Throws ChannelError `blocked` when the server does not offer it or refuses, and when bytes come together
 * with the go-ahead: a client that reads them as if they had come under TLS can be told anything (CVE-2021-23222, CVE-2021-38371 and others).
 */
export async function startTls(
  channel: Channel,
  of: { readonly protocol: StartTls; readonly domain: string },
): Promise<Channel> {
  const reader = createPlainReader(channel);
  await dialogues[of.protocol](reader, of.domain);
  const extra = reader.rest();
  if (extra.length > 0)
    throw blocked(
      `${extra.length} bytes in the clear came together with the go-ahead to TLS, which a client must refuse`,
    );
  return channel;
}

/** Ends when the next byte belongs to TLS. */
type Dialogue = (reader: PlainReader, domain: string) => Promise<void>;

const dialogues: Readonly<Record<StartTls, Dialogue>> = {
  smtp,
  imap,
  pop3,
  ftp,
  xmpp: (reader, domain) => xmpp(reader, { domain, namespace: "jabber:client" }),
  "xmpp-server": (reader, domain) => xmpp(reader, { domain, namespace: "jabber:server" }),
  ldap,
  postgres,
  mysql,
};

/** RFC 3207. */
async function smtp(reader: PlainReader): Promise<void> {
  expectCode(await reply(reader), "220", "the greeting");
  reader.say("EHLO tlsforge.invalid\r\n");
  const offered = await reply(reader);
  expectCode(offered, "250", "EHLO");
  if (!offered.some((line) => /^.{4}STARTTLS\b/i.test(line))) throw notOffered("SMTP");
  reader.say("STARTTLS\r\n");
  expectCode(await reply(reader), "220", "STARTTLS");
}

/** RFC 4217. FTP has no list that must be there, so the command itself is tried. */
async function ftp(reader: PlainReader): Promise<void> {
  expectCode(await reply(reader), "220", "the greeting");
  reader.say("AUTH TLS\r\n");
  expectCode(await reply(reader), "234", "AUTH TLS");
}

/** RFC 9051, 6.2.1. */
async function imap(reader: PlainReader): Promise<void> {
  const greeting = await reader.line();
  if (!/^\* OK\b/i.test(greeting)) throw blocked(`the greeting was ${quoted(greeting)}`);
  reader.say("a1 CAPABILITY\r\n");
  const offered = await tagged(reader, "a1");
  if (!offered.untagged.some((line) => /^\* CAPABILITY\b.*\bSTARTTLS\b/i.test(line))) throw notOffered("IMAP");
  reader.say("a2 STARTTLS\r\n");
  const answer = await tagged(reader, "a2");
  if (!/^a2 OK\b/i.test(answer.last)) throw blocked(`the answer to STARTTLS was ${quoted(answer.last)}`);
}

/** RFC 2595, 4. Servers without CAPA are asked all the same. */
async function pop3(reader: PlainReader): Promise<void> {
  const greeting = await reader.line();
  if (!/^\+OK\b/i.test(greeting)) throw blocked(`the greeting was ${quoted(greeting)}`);
  reader.say("CAPA\r\n");
  if (/^\+OK\b/i.test(await reader.line())) {
    const offered: string[] = [];
    for (let line = await reader.line(); line !== "."; line = await reader.line()) offered.push(line);
    if (!offered.some((line) => /^STLS\b/i.test(line))) throw notOffered("POP3");
  }
  reader.say("STLS\r\n");
  const answer = await reader.line();
  if (!/^\+OK\b/i.test(answer)) throw blocked(`the answer to STLS was ${quoted(answer)}`);
}

/** RFC 6120, 5. */
async function xmpp(reader: PlainReader, of: { domain: string; namespace: string }): Promise<void> {
  const to = of.domain.replaceAll(/[^\w.:-]/g, "");
  reader.say(
    `<?xml version='1.0'?><stream:stream xmlns='${of.namespace}' xmlns:stream='http://etherx.jabber.org/streams' to='${to}' version='1.0'>`,
  );
  const features = await reader.until(
    /<\/stream:features\s*>|<stream:features\s*\/>|<\/stream:error\s*>|<\/stream:stream\s*>/,
  );
  if (/<stream:error|<\/stream:stream/.test(features))
    throw blocked(`the stream was refused: ${quoted(features.slice(-120))}`);
  if (!/<starttls\b[^>]*urn:ietf:params:xml:ns:xmpp-tls/.test(features)) throw notOffered("XMPP");
  reader.say("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
  const answer = await reader.until(/<(proceed|failure)\b[^>]*>/);
  if (/<failure\b[^>]*>$/.test(answer)) throw blocked(`the answer to starttls was ${quoted(answer)}`);
}

/** A reply of SMTP and FTP: lines `250-…` up to one `250 …` (RFC 5321, 4.2.1; RFC 959, 4.2). */
async function reply(reader: PlainReader): Promise<readonly string[]> {
  const first = await reader.line();
  const code = /^(\d{3})([- ]|$)/.exec(first)?.[1];
  if (code === undefined) throw blocked(`not a reply of this protocol: ${quoted(first)}`);
  const lines = [first];
  for (let line = first; line !== code && !line.startsWith(`${code} `);) {
    line = await reader.line();
    lines.push(line);
  }
  return lines;
}

function expectCode(lines: readonly string[], code: string, what: string): void {
  const last = lines.at(-1) ?? "";
  if (!last.startsWith(code))
    throw blocked(`the answer to ${what} was ${quoted(last)}`.replace("answer to the greeting", "greeting"));
}

async function tagged(reader: PlainReader, tag: string): Promise<{ last: string; untagged: readonly string[] }> {
  const untagged: string[] = [];
  for (;;) {
    const line = await reader.line();
    if (line.startsWith(`${tag} `)) return { last: line, untagged };
    if (!line.startsWith("* ")) throw blocked(`not a reply of IMAP: ${quoted(line)}`);
    untagged.push(line);
  }
}

function notOffered(name: string): Error {
  return blocked(`the server does not offer STARTTLS for ${name}`);
}
