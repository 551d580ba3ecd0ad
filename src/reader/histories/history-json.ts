/**
 * Histories in the JSON format of Temporal's tools.
 *
 * The SDK's own `historyToJSON` (1.24) works only if npm has installed a single copy of protobufjs, which is
 * rare: it uses one copy with types of another. Here, both come from the copy that `@temporalio/proto` uses.
 */
import { dirname } from 'node:path';
import type { HistoryEvent } from '../../history/events';

interface HistoryType {
  fromObject(value: { events: readonly HistoryEvent[] }): object;
}

interface ProtoJson {
  toJson(type: HistoryType, message: object): unknown;
  fromJson(type: HistoryType, json: unknown, options: { ignoreUnknownFields: boolean }): unknown;
}

export function eventsToJson(events: readonly HistoryEvent[]): unknown[] {
  const { type, toJson } = load();
  return (toJson(type, type.fromObject({ events })) as { events?: unknown[] }).events ?? [];
}

/** Throws if the values are not events. Fields of newer servers are ignored. */
export function eventsFromJson(events: readonly unknown[]): HistoryEvent[] {
  const { type, fromJson } = load();
  return (fromJson(type, { events }, { ignoreUnknownFields: true }) as { events: HistoryEvent[] }).events;
}

// Not imported at the top, because only archives and files need it.
function load(): ProtoJson & { type: HistoryType } {
  const root = require('@temporalio/proto') as { lookupType(name: string): HistoryType };
  const folder = dirname(require.resolve('@temporalio/proto'));
  const protoJson = require(require.resolve('protobufjs/ext/protojson', { paths: [folder] })) as ProtoJson;
  return { ...protoJson, type: root.lookupType('temporal.api.history.v1.History') };
}
