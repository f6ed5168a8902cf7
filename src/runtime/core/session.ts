import type { AnyMachineSnapshot, StateValue } from 'xstate';
import type { JsonObject } from './effects.ts';
import { type DurableMachine, onlyState } from './machine.ts';
import { restoredSnapshot, type StoredSnapshot } from './xstate.ts';

/** One chat's stored snapshot of one machine. */
export interface Session extends StoredSnapshot {
  /** Invoked actors whose result is awaited: invoke id → generation. */
  readonly invocations?: Readonly<Record<string, number>>;
  /** The last generation given out, so that a result of an earlier visit to a state is told apart. */
  readonly generation?: number;
}

/** Short keys: half a million of these stand in Redis. */
interface StoredSession {
  v: StateValue;
  c: JsonObject;
  s?: 'done' | 'error';
  h?: JsonObject;
  i?: Record<string, number>;
  g?: number;
}

/** The session as compact JSON. */
export function encodeSession(session: Session): string {
  const stored: StoredSession = { v: session.value, c: session.context };
  if (session.status !== 'active') stored.s = session.status;
  if (session.history !== undefined) stored.h = session.history;
  if (session.invocations !== undefined) stored.i = { ...session.invocations };
  if (session.generation !== undefined) stored.g = session.generation;
  return JSON.stringify(stored);
}

/** @throws SyntaxError when the text is not what `encodeSession` wrote */
export function decodeSession(text: string): Session {
  const stored = JSON.parse(text) as StoredSession;
  return {
    value: stored.v,
    context: stored.c,
    status: stored.s ?? 'active',
    ...(stored.h !== undefined && { history: stored.h }),
    ...(stored.i !== undefined && { invocations: stored.i }),
    ...(stored.g !== undefined && { generation: stored.g }),
  };
}

/** The snapshot that a step goes on from, without a live actor. */
export const restoreSnapshot = (machine: DurableMachine, session: Session): AnyMachineSnapshot =>
  restoredSnapshot(machine.logic, session);

/** A state value as one word: `paid`, `paid.choosing`, and for parallel states `a.x+b.y`. */
export function stateName(value: StateValue): string {
  return nameOf(value) || onlyState;
}

function nameOf(value: StateValue): string {
  if (typeof value === 'string') return value;
  return Object.entries(value)
    .map(([key, child]) => (child === undefined ? key : joinState(key, nameOf(child))))
    .join('+');
}

const joinState = (key: string, child: string): string => (child === '' ? key : `${key}.${child}`);
