import type { Commit } from '../core/commit.ts';
import { expiryTimer } from '../core/machine.ts';
import { decodeSession, stateName } from '../core/session.ts';
import type { Sessions } from '../store.ts';
import type { Cause, CommitOptions, CommitResult, Loaded, Refused, Target } from '../stored.ts';
import { Batch } from './batch.ts';
import { lineOf } from './books.ts';
import { resultOf, run } from './connect.ts';
import { type Ground, groups } from './ground.ts';
import { sessionSuffix, timerMember } from './keys.ts';
import { pack } from './pack.ts';
import { type PackedStep, packedStep } from './packed-step.ts';

/** The sessions of all chats, and the steps that write them. */
export class RedisSessions implements Sessions {
  readonly #ground: Ground;
  readonly #loads = new Batch<string, Loaded>(async (shard, suffixes) => {
    const { redis, keys } = this.#ground;
    const found = (await run(redis, 'load', [keys.shard(shard)], suffixes)) as string[];
    return groups(4, found).map(loadedOf);
  });
  readonly #commits = new Batch<PackedStep, CommitResult>(async (shard, steps) => {
    const { redis, keys } = this.#ground;
    const packed = pack({ owner: this.#ground.token(shard), steps });
    const answers = (await run(redis, 'commit', [keys.shard(shard)], [packed])) as string[];
    return answers.map(resultOf) as (CommitResult | Refused)[];
  });

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  loadSession = (machine: string, chat: number): Promise<Loaded> =>
    this.#loads.add(this.#ground.shardOf(chat), sessionSuffix(machine, chat));

  commit = (
    cause: Cause,
    target: Target | null,
    commit: Commit | null,
    options: CommitOptions,
  ): Promise<CommitResult> => this.#commits.add(cause.shard, packedStep(cause, target, commit, options));

  discard = (cause: Cause, now: number): Promise<CommitResult> => this.commit(cause, null, null, { now });

  forgetChat: Sessions['forgetChat'] = async (cause, chat, machines) => {
    const found = await Promise.all(
      machines.map(async (machine) => ({ ...machine, ...(await this.loadSession(machine.id, chat)) })),
    );
    const resting = found.filter(({ session, outlives }) => session === null || !outlives(session));
    const sessions = resting.map(({ id, session, version }) => {
      const counter = session === null ? '' : `${id}:${stateName(session.value)}`;
      return [sessionSuffix(id, chat), version, counter];
    });
    const timers = resting.flatMap(({ id, timers }) => timers.map((name) => timerMember(id, chat, name)));
    const entry = [this.#ground.token(cause.shard), cause.source, cause.id, chat];
    const args = [...entry, sessions.length, ...sessions.flat(), ...timers];
    const { redis, keys } = this.#ground;
    const code = await run(redis, 'forget', [keys.shard(cause.shard)], args);
    return code as 'ok' | 'fenced' | 'gone' | 'conflict';
  };

  abandon: Sessions['abandon'] = async (cause, chat, machines) => {
    const args = [
      this.#ground.token(cause.shard),
      cause.source,
      cause.id,
      String(chat),
      machines.length,
      ...machines.flatMap(({ id, endsAt }) => [
        sessionSuffix(id, chat),
        timerMember(id, chat, expiryTimer),
        endsAt ?? '',
      ]),
      ...machines.flatMap(({ id, timers }) => timers.map((timer) => timerMember(id, chat, timer))),
    ];
    const { redis, keys } = this.#ground;
    const code = await run(redis, 'abandon', [keys.shard(cause.shard)], args);
    return code as 'ok' | 'fenced' | 'gone';
  };
}

/** An Error when the text is no session: that is the affair of those who ask for it. */
function loadedOf([text = '', version, away, lines = '']: readonly string[]): Loaded | Error {
  try {
    const book = lines === '' ? [] : lines.split('\n').map(lineOf);
    if (text === '') return { session: null, version: 0, away: false, book };
    return { session: decodeSession(text), version: Number(version), away: away === '1', book };
  } catch (error) {
    return error as Error;
  }
}
