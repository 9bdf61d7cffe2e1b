import {
  contentTypes,
  createHandshakeParser,
  DecodeError,
  type HandshakeMessage,
  type Protection,
} from "../../wire/index.ts";
import { recordSource, refuseAlert } from "./answer.ts";
import type { Channel } from "./channel.ts";

/** Reads what a server sends after its first flight, protected or not. Alerts are raised as RefusedError. */
export interface MessageReader {
  nextMessage(): Promise<HandshakeMessage>;
  /** Content of the next record that is no alert. */
  nextContent(): Promise<RecordContent>;
  /** Content of the next record, alerts too. */
  nextRecord(): Promise<RecordContent>;
  /** From here on protected records are opened with this. */
  protect(protection: Protection): void;
}

export interface RecordContent {
  readonly type: number;
  readonly content: Uint8Array;
}

/** Whether a record is protected: by its type (TLS 1.3), or by whether the server has changed its cipher spec (TLS 1.2). */
export type IsProtected = (seen: { readonly type: number; readonly changed: boolean }) => boolean;

/** A reader of a channel's records; ChangeCipherSpec is noted and skipped. */
export function createMessageReader(channel: Channel, isProtected: IsProtected): MessageReader {
  const records = recordSource(channel);
  const parser = createHandshakeParser();
  const queue: HandshakeMessage[] = [];
  let protection: Protection | undefined;
  let changed = false;
  const reader: MessageReader = {
    protect(next) {
      protection = next;
    },
    async nextRecord() {
      for (;;) {
        const record = await records.next();
        if (record.type === contentTypes.changeCipherSpec) {
          changed = true;
          continue;
        }
        return protection !== undefined && isProtected({ type: record.type, changed })
          ? protection.open(record)
          : { type: record.type, content: record.fragment };
      }
    },
    async nextContent() {
      for (;;) {
        const { type, content } = await reader.nextRecord();
        if (type === contentTypes.alert) refuseAlert(content);
        else return { type, content };
      }
    },
    async nextMessage() {
      for (;;) {
        const message = queue.shift();
        if (message !== undefined) return message;
        const { type, content } = await reader.nextContent();
        if (type !== contentTypes.handshake)
          throw new DecodeError(`a record of type ${type} in place of a handshake message`);
        queue.push(...parser.push(content));
      }
    },
  };
  return reader;
}
